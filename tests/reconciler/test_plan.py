from dataclasses import replace

from busway.domain.address import PciAddress
from busway.domain.documents import Desired, DesiredCell
from busway.domain.grant import Attachment
from busway.domain.ids import UnitName
from busway.domain.server import PowerState
from busway.reconciler import LocalServer, LocalState, config_digest, definition_digest, plan, waits
from busway.reconciler.steps import DestroyDomain, GiveBackDevice, Step
from busway.testing.stage import ONE, TWO, desired_server, held_function

GPU = PciAddress("0000:41:00.0")
NAME = UnitName(str(GPU))
SERVER = desired_server(ONE, GPU)
RUNNING = LocalServer(
    ONE,
    power=PowerState.RUNNING,
    attached=(Attachment(NAME),),
    files=True,
    disks=frozenset({1}),
    definition=definition_digest(SERVER),
    config_drive=config_digest(SERVER.config_drive),
    starts=1,
    cards=tuple(nic.mac for nic in SERVER.nics),
)


def a_host(*servers: LocalServer) -> LocalState:
    return LocalState(
        servers=servers,
        images=frozenset({SERVER.image.sha256}),
        held=(held_function(GPU, ONE, "nouveau"),),
        ready=frozenset({NAME}),
    )


def names(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


def test_an_empty_host_builds_a_server_in_the_order_of_its_parts() -> None:
    steps = plan(Desired("h", 1, (SERVER,)), LocalState())

    assert names(steps) == [
        "FetchImage",
        "MakeDisk",
        "MakeConfigDrive",
        "TakeDevice",
        "DefineDomain",
        "StartDomain",
        "RecordCounters",
    ]


def test_a_server_that_goes_is_torn_down_backwards() -> None:
    steps = plan(Desired("h", 1, absent=(ONE,)), a_host(RUNNING))

    assert names(steps) == ["DestroyDomain", "UndefineDomain", "GiveBackDevice", "RemoveFiles"]


def test_a_running_server_needs_nothing() -> None:
    assert plan(Desired("h", 1, (SERVER,)), a_host(RUNNING)) == []


def test_teardowns_come_before_builds() -> None:
    steps = plan(Desired("h", 1, (desired_server(TWO),), (ONE,)), a_host(RUNNING))

    assert names(steps)[:4] == ["DestroyDomain", "UndefineDomain", "GiveBackDevice", "RemoveFiles"]
    assert {step.server_id for step in steps[4:]} == {TWO}


def test_a_device_that_another_server_holds_is_waited_for() -> None:
    desired = Desired("h", 1, (desired_server(TWO, GPU),), (ONE,))

    assert TWO not in {step.server_id for step in plan(desired, a_host(RUNNING))}
    assert [wait.reason for wait in waits(desired, a_host(RUNNING))] == [f"{GPU} is still held for server {ONE}"]


def test_of_two_servers_that_name_one_device_only_the_first_gets_it() -> None:
    steps = plan(Desired("h", 1, (SERVER, desired_server(TWO, GPU))), LocalState())

    assert {step.server_id for step in steps} == {ONE}


def test_a_guest_that_is_off_by_itself_is_left_off() -> None:
    assert plan(Desired("h", 1, (SERVER,)), a_host(replace(RUNNING, power=PowerState.SHUTOFF))) == []


def test_a_hard_reboot_of_a_guest_that_is_off_starts_it() -> None:
    server = replace(SERVER, reboots=1, hard_reboot=True)

    steps = plan(Desired("h", 1, (server,)), a_host(replace(RUNNING, power=PowerState.SHUTOFF)))

    assert names(steps) == ["StartDomain", "RecordCounters"]


def test_a_start_during_a_pending_shutdown_waits_for_the_guest_to_be_off() -> None:
    desired = Desired("h", 1, (replace(SERVER, starts=2),))

    pending = plan(desired, a_host(replace(RUNNING, stop_asked=True)))
    overdue = plan(desired, a_host(replace(RUNNING, stop_asked=True, stop_overdue=True)))
    off = plan(desired, a_host(replace(RUNNING, stop_asked=True, power=PowerState.SHUTOFF)))

    assert pending == []
    assert [type(step) for step in overdue] == [DestroyDomain]
    assert names(off) == ["StartDomain", "RecordCounters"]


def test_a_device_that_is_no_longer_desired_is_released_after_the_domain_forgot_it() -> None:
    steps = plan(Desired("h", 1, (desired_server(ONE),)), a_host(replace(RUNNING, power=PowerState.SHUTOFF)))

    assert names(steps) == ["DefineDomain", "GiveBackDevice"]


def test_devices_are_released_in_reverse_order() -> None:
    other = PciAddress("0000:42:00.0")
    local = replace(a_host(), held=(held_function(GPU, ONE, None), held_function(other, ONE, None)))

    steps = plan(Desired("h", 1, absent=(ONE,)), local)

    assert [step.held.unit.name for step in steps if isinstance(step, GiveBackDevice)] == [str(other), NAME]


def test_a_guest_is_defined_anew_for_other_cpus_of_its_own_or_of_its_emulator() -> None:
    cell = DesiredCell(2, 512, 0, "0-3", (4, 5))
    ways = [(), (cell,), (replace(cell, pins=(4, 6)),), (replace(cell, emulator=(6,)),)]

    assert len({definition_digest(replace(SERVER, cells=cells)) for cells in ways}) == len(ways)
