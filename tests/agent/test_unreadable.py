"""What can't be read is not taken for absent: nothing is done to its server or device, and it is reported."""

from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.grant import Fault
from busway.domain.server import PowerState
from busway.testing.machines import gpu_host
from busway.testing.stage import ONE, TWO, Stage, desired_server


def seen(stage: Stage, number: int = 0) -> tuple[PowerState | None, str | None]:
    server = stage.link.last.servers[number]
    return server.power, server.fault.code if server.fault else None


@pytest.mark.parametrize("content", [b"", b'{"disk": 2, "sta', b"\xff\xfe"])
def test_a_running_guest_whose_record_is_damaged_is_left_running(stage: Stage, content: bytes) -> None:
    first, second = gpu_host(stage.root, 2)
    rebuilt = replace(desired_server(ONE, first), disks=(1, 2), starts=1)
    stage.desire(rebuilt)
    agent = stage.agent()
    stage.settle(agent)
    (stage.state.folder(ONE) / "server.json").write_bytes(content)
    stage.desire(rebuilt, desired_server(TWO, second))

    stage.settle(agent)

    assert seen(stage) == (PowerState.RUNNING, "record-unreadable")
    assert seen(stage, 1) == (PowerState.RUNNING, None)
    assert stage.link.consoles[ONE].count(b"starts") == 1


def test_a_server_whose_record_is_damaged_is_not_torn_down_until_it_is_mended(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    record = stage.state.folder(ONE) / "server.json"
    kept = record.read_bytes()
    record.write_bytes(b"")
    stage.desire(absent=(ONE,))
    stage.settle(agent)
    damaged = seen(stage)

    record.write_bytes(kept)
    stage.settle(agent)

    assert damaged == (PowerState.RUNNING, "record-unreadable")
    assert (stage.link.last.servers, stage.link.last.held) == ((), ())


def test_a_folder_that_can_not_be_listed_is_not_an_empty_one(stage: Stage) -> None:
    stage.desire(desired_server(ONE))
    agent = stage.agent()
    stage.settle(agent)
    folder = stage.state.folder(ONE)
    folder.rename(stage.path / "aside")
    Path(folder).write_text("a file where the folder was")

    stage.settle(agent)

    assert seen(stage) == (PowerState.RUNNING, "record-unreadable")


def test_a_device_whose_record_is_damaged_counts_as_held_and_is_not_touched(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    (stage.path / f"state/held/{gpu}.json").write_text('{"server_id": ')
    stage.desire(desired_server(TWO, gpu), absent=(ONE,))

    stage.settle(agent)

    held = stage.link.last.held
    assert {one.server_id for one in held} == {ONE, TWO}
    assert all(one.unit.name == str(gpu) and one.fault and one.fault.code == "record-unreadable" for one in held)
    assert stage.driver(gpu) == "vfio-pci"
    assert [server.power for server in stage.link.last.servers if server.power] == []


def test_a_device_that_the_kernel_blocked_stays_on_record_until_it_is_settled(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    stage.kernel.hang("unbind", gpu, times=1)
    stage.desire(desired_server(ONE, gpu))
    agent = stage.agent()
    stage.settle(agent)
    fault = stage.link.last.servers[0].fault
    stage.desire(absent=(ONE,))
    stage.settle(agent, rounds=20)
    blocked = stage.link.last.held

    stage.kernel.finish(gpu)
    stage.settle(agent, rounds=70)

    assert isinstance(fault, Fault) and fault.code == "kernel-blocked"
    assert [(one.unit.name, one.server_id, one.fault and one.fault.code) for one in blocked] == [
        (str(gpu), ONE, "kernel-unsettled")
    ]
    assert stage.link.last.held == ()
    assert (stage.driver(gpu), stage.override(gpu)) == ("nouveau", "(null)")


def test_a_device_that_a_server_has_lost_is_not_free_while_its_record_is_damaged(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    off = replace(desired_server(ONE, gpu), powered=False)
    stage.desire(off, desired_server(TWO))
    agent = stage.agent()
    stage.settle(agent)
    (stage.path / f"state/held/{gpu}.json").write_text('{"server_id": ')
    stage.desire(replace(off, devices=()), desired_server(TWO))

    stage.settle(agent)

    held = stage.link.last.held
    assert [server.attached for server in stage.link.last.servers] == [(), ()]
    assert {one.server_id for one in held} == {ONE, TWO}  # nobody knows which of them had it
    assert all(one.unit.name == str(gpu) and one.fault and one.fault.code == "record-unreadable" for one in held)
    assert stage.driver(gpu) == "vfio-pci"
