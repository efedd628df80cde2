"""Partitions of an NVLink fabric on their host: active before the guest boots, inactive before its GPUs go."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.workers import at_once
from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.domain.fabric import fabric_of
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId, ServerId
from busway.domain.server import PowerState
from busway.domain.units import FabricPartition, Unit, WholeFunction
from busway.hardware.fabric_manager import list_partitions, read_modules
from busway.testing.fabric import MODULES, PARTITIONS, FakeFabric, hgx
from busway.testing.stage import ONE, TWO, Stage, desired_server
from tests.sample import one_in


class Killed(BaseException):
    """What nobody catches."""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    hgx(stage.machine)
    stage.fabric = FakeFabric(stage.root)
    return stage


def partition(number: int) -> FabricPartition:
    return FabricPartition(number, tuple(MODULES[module] for module in PARTITIONS[number]))


def joined(server_id: ServerId, number: int) -> DesiredServer:
    """A server with the GPUs of a partition, and the partition."""
    gpus: list[Unit] = [WholeFunction(PciAddress(gpu), "10de", "2330") for gpu in partition(number).gpus]
    units = [*gpus, partition(number)]
    grants = tuple(Grant(each, ClaimId(f"c-{each.name}"), port) for port, each in enumerate(units, 1))
    return replace(desired_server(server_id), devices=grants)


def active(stage: Stage) -> set[int]:
    assert stage.fabric is not None
    return set(stage.fabric.active())


def test_the_partitions_are_reported_by_the_addresses_of_their_gpus(stage: Stage) -> None:
    """Modules do not follow the order of addresses: the driver tells which is which."""
    stage.settle(stage.agent())

    [seen] = stage.link.last.fabrics
    assert {each.number: set(each.gpus) for each in fabric_of(seen).partitions} == {
        number: {MODULES[module] for module in modules} for number, modules in PARTITIONS.items()
    }


def test_it_is_active_before_the_guest_boots_and_inactive_before_its_gpus_go(stage: Stage) -> None:
    seen: list[str] = []
    fabric = stage.fabric = FakeFabric(stage.root, seen.append)
    stage.kernel.watch(lambda verb, address: seen.append(f"{verb} {address}"))
    stage.desire(joined(ONE, 3))
    agent = stage.agent()
    stage.settle(agent)
    [server] = stage.link.last.servers
    bound, up = seen.index("fabric -a"), [n for n, each in enumerate(seen) if each.startswith("probe")]
    running, during = server.power, active(stage)
    seen.clear()
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert (running, during, fabric.active()) == (PowerState.RUNNING, {3}, frozenset())
    assert max(up) < bound  # the GPUs are the guest's before they are joined
    assert seen.index("fabric -d") < min(n for n, each in enumerate(seen) if each.startswith("reset"))
    assert (stage.link.last.held, stage.link.last.servers) == ((), ())


def test_no_domain_names_a_partition_and_the_host_holds_it(stage: Stage) -> None:
    stage.desire(joined(ONE, 1))

    stage.settle(stage.agent())

    [domain] = stage.hypervisor.domains()
    assert {each.name for each in domain.attached} == set(partition(1).gpus)
    assert partition(1) in [held.unit for held in stage.link.last.held]


def test_after_a_restart_of_the_host_it_is_active_before_the_guest_starts(stage: Stage) -> None:
    stage.desire(joined(ONE, 3))
    stage.settle(stage.agent())
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()
    forgotten = active(stage)
    stage.desire(replace(joined(ONE, 3), starts=2))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert (forgotten, active(stage), seen.power, seen.starts) == (set(), {3}, PowerState.RUNNING, 2)


def test_modules_are_remembered_while_guests_have_the_gpus(stage: Stage) -> None:
    """The driver tells nothing of a GPU that a guest has; an agent that starts then still knows."""
    stage.desire(joined(ONE, 0))
    stage.settle(stage.agent())

    stage.settle(stage.agent())

    [seen] = stage.link.last.fabrics
    assert len(fabric_of(seen).partitions) == len(PARTITIONS)


def test_an_operator_can_say_which_module_is_where(stage: Stage) -> None:
    for gpu in MODULES.values():
        stage.kernel.unbind(PciAddress(gpu))
    untold = stage.agent()
    stage.settle(untold)
    before, why = stage.link.last.fabrics, "; ".join(stage.link.last.notes)
    stage.fabric_modules = {module: PciAddress(gpu) for module, gpu in MODULES.items() if module in (1, 3)}

    stage.settle(stage.agent())

    [seen] = stage.link.last.fabrics
    assert before == ()
    assert "Nobody tells where 8 GPUs of the fabric are" in why
    assert [each.number for each in fabric_of(seen).partitions] == [3, 7, 9]


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        (FabricPartition(99, partition(3).gpus), "partition-changed"),
        (FabricPartition(4, partition(3).gpus), "partition-changed"),
        (FabricPartition(3), "partition-changed"),
    ],
    ids=["no such partition", "one of other GPUs", "one that nobody knows"],
)
def test_what_is_not_that_partition_fails_the_build_and_joins_nothing(
    stage: Stage, unit: FabricPartition, code: str
) -> None:
    server = joined(ONE, 3)
    stage.desire(replace(server, devices=(*server.devices[:-1], Grant(unit, ClaimId("c"), 3))))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, active(stage)) == (code, set())


def test_a_host_whose_agent_serves_no_fabric_joins_nothing_and_says_so(stage: Stage) -> None:
    stage.fabric = None
    stage.desire(joined(ONE, 3))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, seen.power, stage.link.last.fabrics) == ("no-fabric", None, ())
    assert partition(3) not in [held.unit for held in stage.link.last.held]


def test_gpus_that_somebody_else_has_joined_are_left_alone(stage: Stage) -> None:
    assert stage.fabric is not None
    stage.fabric.manager(["-a", "1"])
    stage.desire(joined(ONE, 3))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, active(stage)) == ("partition-in-use", {1})


@pytest.mark.parametrize("trouble", ["refuses", "ignores", "is away"])
def test_a_manager_that_does_not_do_it_fails_the_build_and_nobody_boots(stage: Stage, trouble: str) -> None:
    assert stage.fabric is not None
    agent = stage.agent()
    stage.settle(agent)
    if trouble == "refuses":
        stage.fabric.refusals["-a"] = "Failed to activate partition. fmReturn: -6"
    elif trouble == "ignores":
        stage.fabric.ignored.add("-a")
    else:
        stage.fabric.away = True
    stage.desire(joined(ONE, 3))

    stage.settle(agent)

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, seen.power) == ("fabric-failed", None)
    assert partition(3) not in [held.unit for held in stage.link.last.held]


def test_gpus_stay_with_their_server_until_they_are_apart(stage: Stage) -> None:
    """Nobody else gets a GPU that is still joined to others."""
    assert stage.fabric is not None
    stage.desire(joined(ONE, 3))
    agent = stage.agent()
    stage.settle(agent)
    stage.fabric.refusals["-d"] = "Failed to deactivate partition. fmReturn: -6"
    stage.desire(joined(TWO, 3), absent=(ONE,))
    stage.settle(agent, 3)
    during = {held.server_id for held in stage.link.last.held}
    stage.fabric.refusals.clear()

    stage.settle(agent, 70)

    assert during == {ONE}
    assert {held.server_id for held in stage.link.last.held} == {TWO}
    assert active(stage) == {3}


@pytest.mark.parametrize("number", one_in(7, range(40)))
def test_a_kill_at_any_step_ends_as_desired(stage: Stage, number: int) -> None:
    """A server with two GPUs gives way to one with the other partition of its half."""
    stage.spawn = at_once
    stage.desire(joined(ONE, 3))
    stage.settle(stage.agent())
    stage.desire(joined(TWO, 1), absent=(ONE,))
    moments = 0

    def die(_at: str) -> None:
        nonlocal moments
        moments += 1
        if moments == number + 1:
            raise Killed

    crash: Callable[[str], None] = die
    try:
        stage.settle(stage.agent(crash), 8)
    except Killed:
        stage.settle(stage.agent(), 8)

    assert active(stage) == {1}
    assert {held.server_id for held in stage.link.last.held} == {TWO}
    assert [seen.power for seen in stage.link.last.servers] == [PowerState.RUNNING]


def test_a_record_that_can_not_be_read_loses_nothing(stage: Stage) -> None:
    stage.desire(joined(ONE, 3))
    stage.settle(stage.agent())
    record = stage.path / "state/held/partition-3.json"
    kept = record.read_text()
    record.write_text("{")
    stage.desire(absent=(ONE,))
    stage.settle(stage.agent())
    during = active(stage)
    record.write_text(kept)

    stage.settle(stage.agent(), 10)

    assert (during, active(stage), stage.link.last.held) == ({3}, set(), ())


@pytest.mark.parametrize(
    "text",
    ["", "Failed to get partition list. fmReturn: -8", "[]", '{"partitionInfo": [{"partitionId": 1}]}',
     '{"partitionInfo": [{"partitionId": 1, "isActive": 0, "numGpus": 2, "gpuInfo": [{"physicalId": 1}]}]}'],
)  # fmt: skip
def test_an_answer_that_is_no_list_of_partitions_is_told(text: str) -> None:
    with pytest.raises(HostError) as caught:
        list_partitions(lambda _arguments: text)

    assert (caught.value.code, bool(caught.value.remedy)) == ("fabric-unclear", True)


def test_addresses_that_the_manager_says_count_and_zeros_do_not(tmp_path: Path) -> None:
    answer = FakeFabric(tmp_path)
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("b\n")
    text = answer.manager(["-l"]).replace("00000000:00:00.0", "00000000:4C:00.0")

    assert list_partitions(lambda _arguments: text)[3].addresses[1] == PciAddress("0000:4c:00.0")
    assert list_partitions(answer.manager)[3].addresses == {}


def test_modules_are_read_as_the_driver_prints_them() -> None:
    text = """GPU 00000000:19:00.0
    Module Id                         : 2
GPU 00000001:3B:00.0
    GPU Module ID                     : 4
GPU 00000000:4C:00.0
    Module Id                         : N/A
"""

    assert read_modules(text) == {2: PciAddress("0000:19:00.0"), 4: PciAddress("0001:3b:00.0")}
