"""The root disk as a chain of numbered layers: rebuilt, grown, taken back, handed in."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.agent import Agent
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.domain.guest_machine import Machine
from busway.domain.ids import ImageId, ServerId
from busway.domain.server import PowerState
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.stage import IMAGE, ONE, Stage, desired_server
from tests.agent.death import die_at

SNAPSHOT = ImageId("snapshot")


def running(stage: Stage, machine: Machine | None = None) -> DesiredServer:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    server = desired_server(ONE, gpu)
    server = replace(server, machine=machine or server.machine)
    stage.desire(server)
    stage.settle(stage.agent())
    return server


def files(stage: Stage) -> list[str]:
    return sorted(path.name for path in stage.state.folder(ONE).glob("disk*"))


def seen(stage: Stage) -> tuple[PowerState | None, int, int]:
    server = stage.link.last.servers[0]
    return server.power, server.disk, server.starts


def test_a_rebuild_ends_the_guest_makes_another_disk_and_starts_it_with_the_same_device(stage: Stage) -> None:
    server = running(stage)
    stage.state.files(ONE).disk.write_bytes(b"written by the guest")
    stage.desire(replace(server, disks=(2,), starts=2))

    stage.settle(stage.agent())

    assert seen(stage) == (PowerState.RUNNING, 2, 2)
    assert files(stage) == ["disk-2.qcow2"]
    assert stage.state.files(ONE, 2).disk.read_bytes() == IMAGE
    assert [held.server_id for held in stage.link.last.held] == [ONE]


def test_a_rebuild_is_done_once(stage: Stage) -> None:
    server = replace(running(stage), disks=(2,), starts=2)
    stage.desire(server)
    agent = stage.agent()
    stage.settle(agent)
    stage.state.files(ONE, 2).disk.write_bytes(b"written by the guest")
    stage.desire(server)

    stage.settle(stage.agent())

    assert stage.state.files(ONE, 2).disk.read_bytes() == b"written by the guest"


def test_a_server_that_is_off_is_rebuilt_and_stays_off(stage: Stage) -> None:
    server = replace(running(stage), powered=False)
    stage.desire(server)
    stage.settle(stage.agent())
    stage.desire(replace(server, disks=(2,)))

    stage.settle(stage.agent())

    assert seen(stage) == (PowerState.SHUTOFF, 2, 1)


def test_a_layer_more_keeps_the_disk_below_and_a_layer_less_gives_it_back(stage: Stage) -> None:
    server = running(stage)
    stage.desire(replace(server, powered=False))
    stage.settle(stage.agent())
    stage.desire(replace(server, disks=(1, 2), vcpus=4, starts=2))
    stage.settle(stage.agent())
    grown = seen(stage), files(stage)
    stage.state.files(ONE, 2).disk.write_bytes(b"written after the resize")
    stage.desire(replace(server, disks=(1,), starts=3))

    stage.settle(stage.agent())

    assert grown == ((PowerState.RUNNING, 2, 2), ["disk-2.qcow2", "disk.qcow2"])
    assert (seen(stage), files(stage)) == ((PowerState.RUNNING, 1, 3), ["disk.qcow2"])
    assert stage.state.files(ONE).disk.read_bytes() == IMAGE


def test_another_size_is_defined_when_the_guest_is_off(stage: Stage) -> None:
    server = running(stage)
    stage.desire(replace(server, powered=False))
    stage.settle(stage.agent())
    stage.desire(replace(server, vcpus=4, ram_mb=4096, starts=2))

    stage.settle(stage.agent())

    xml = (stage.root / "fake/domains.json").read_text()
    assert "<vcpu>4</vcpu>" in xml and "4096" in xml


def test_the_disk_of_a_guest_that_is_off_is_handed_in_once(stage: Stage) -> None:
    server = running(stage)
    stage.state.files(ONE).disk.write_bytes(b"written by the guest")
    stage.desire(replace(server, powered=False, upload=SNAPSHOT))
    agent = stage.agent()

    stage.settle(agent)
    stage.state.files(ONE).disk.write_bytes(b"changed since")
    stage.settle(stage.agent())

    assert stage.link.uploads == {SNAPSHOT: b"written by the guest"}
    assert not (stage.state.folder(ONE) / ".upload.qcow2").exists()


def test_the_disk_of_a_guest_that_runs_is_handed_in_once_and_the_guest_runs_on(stage: Stage) -> None:
    server = running(stage)
    before = seen(stage)
    stage.state.files(ONE).disk.write_bytes(b"written by the guest")
    stage.desire(replace(server, upload=SNAPSHOT))

    stage.settle(stage.agent())
    stage.state.files(ONE).disk.write_bytes(b"changed since")
    stage.settle(stage.agent())

    assert stage.link.uploads == {SNAPSHOT: b"written by the guest"}
    assert seen(stage) == before
    assert not (stage.state.folder(ONE) / ".upload.qcow2").exists()


def test_a_guest_that_ends_while_its_disk_is_copied_is_off_at_the_next_try(stage: Stage) -> None:
    server = running(stage)
    stage.desire(replace(server, upload=SNAPSHOT))
    hypervisor = stage.hypervisor
    hypervisor._on_verb = lambda verb: hypervisor.power_off_from_inside(ONE) if verb == "is_copied" else None

    stage.settle(stage.agent())

    assert SNAPSHOT in stage.link.uploads
    assert stage.link.last.servers[0].fault is None


class _Slow(FakeHypervisor):
    """Its copies end when they are given up, and never by themselves."""

    def is_copied(self, server_id: ServerId) -> bool:
        self._before("is_copied")
        assert server_id in self._copies
        return False


def test_a_copy_that_is_not_wanted_any_more_is_given_up(stage: Stage) -> None:
    server = running(stage)
    hypervisor = _Slow(stage.root)
    verbs: list[str] = []
    hypervisor._on_verb = verbs.append
    stage.hypervisor, stage.timing = hypervisor, replace(stage.timing, together=0.2)
    agent = stage.agent()
    stage.desire(replace(server, upload=SNAPSHOT))
    wait_until(agent, lambda: "is_copied" in verbs)

    stage.desire(absent=(ONE,))

    wait_until(agent, lambda: not stage.hypervisor.domains())
    assert hypervisor._copies == set()
    assert stage.link.uploads == {}


def wait_until(agent: Agent, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it does not come to it"
        agent.round()


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("required", [True, False])
def test_the_file_systems_of_a_guest_with_an_agent_are_frozen_for_the_moment_of_the_copy(
    stage: Stage, required: bool, answers: bool
) -> None:
    server = running(stage, machine=Machine(guest_agent=True, quiesce=required))
    frozen: list[bool] = []
    hypervisor = stage.hypervisor
    hypervisor._on_verb = lambda verb: frozen.append(ONE in hypervisor.frozen) if verb == "begin_copy" else None
    if not answers:
        hypervisor.refusals["freeze"] = HostError("The agent in the guest does not answer")
    stage.desire(replace(server, upload=SNAPSHOT))

    stage.settle(stage.agent())

    assert set(frozen) == ({answers} if answers or not required else set())
    assert (SNAPSHOT in stage.link.uploads) == (answers or not required)
    assert (stage.link.last.servers[0].fault is None) == (answers or not required)
    assert hypervisor.frozen == set()


def test_a_disk_that_arrived_before_the_agent_ended_is_not_asked_for_again(stage: Stage) -> None:
    server = running(stage)
    stage.link.uploads[SNAPSHOT] = b"arrived"
    stage.desire(replace(server, powered=False, upload=SNAPSHOT))

    stage.settle(stage.agent())

    assert stage.link.last.servers[0].fault is None
    assert stage.state.record(ONE).uploaded == SNAPSHOT


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"disks": (2,), "starts": 2}, ((PowerState.RUNNING, 2, 2), ["disk-2.qcow2"])),
        ({"disks": (1, 2), "starts": 2}, ((PowerState.RUNNING, 2, 2), ["disk-2.qcow2", "disk.qcow2"])),
        ({"powered": False, "upload": SNAPSHOT}, ((PowerState.SHUTOFF, 1, 1), ["disk.qcow2"])),
    ],
    ids=["rebuild", "resize", "upload"],
)
def test_a_change_of_disks_that_is_cut_at_any_moment_is_finished_by_the_next_agent(
    tmp_path: Path, change: dict[str, object], end: object
) -> None:
    for moment in range(60):
        stage = Stage(tmp_path / str(moment))
        server = running(stage)
        stage.desire(replace(server, **change))  # type: ignore[arg-type]
        died = die_at(stage, moment)
        stage.settle(stage.agent())
        assert (seen(stage), files(stage)) == end, moment
        assert (stage.state.record(ONE).uploaded == SNAPSHOT) == ("upload" in change), moment
        if not died:
            assert moment > 3
            return
    pytest.fail("there are more moments than expected")
