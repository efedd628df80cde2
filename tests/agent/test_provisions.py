"""Virtual functions that are declared of a host: made before servers use them, again after a restart, never under a user."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.server import PowerState
from busway.domain.sriov_layout import SriovLayout
from busway.hardware import Machine
from busway.hardware.provision import lay_out
from busway.testing.stage import ONE, TWO, Stage, desired_server

PF = PciAddress("0000:81:00.0")
FIRST = PciAddress("0000:81:00.4")
IDS = "10de:2236"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.machine.sriov("0000:81", vfs=0, group=30)
    return stage


def declared(stage: Stage, count: int, driver: str | None = None, pf: PciAddress = PF) -> None:
    stage.layouts = (SriovLayout(pf, count, driver),)


def vfs(stage: Stage) -> tuple[PciAddress, ...]:
    pf = Machine.read(stage.root).functions[PF]
    return pf.sriov.vfs if pf.sriov else ()


def notes(stage: Stage) -> str:
    return "\n".join(stage.link.last.notes)


def test_they_are_made_before_anybody_is_asked_what_is_desired(stage: Stage) -> None:
    declared(stage, 4)

    stage.settle(stage.agent(), 1)

    assert len(vfs(stage)) == 4
    assert {device.address for device in stage.link.last.inventory} >= {*vfs(stage)}


def test_a_server_gets_one_in_the_round_that_makes_it(stage: Stage) -> None:
    declared(stage, 2)
    stage.desire(desired_server(ONE, FIRST, ids=IDS))

    stage.settle(stage.agent(), 1)

    [seen] = stage.link.last.servers
    assert (seen.power, seen.fault) == (PowerState.RUNNING, None)


def test_after_a_restart_of_the_host_they_are_made_before_guests_start(stage: Stage) -> None:
    declared(stage, 2)
    server = desired_server(ONE, FIRST, ids=IDS)
    stage.desire(server)
    stage.settle(stage.agent())
    stage.kernel.reboot()
    stage.hypervisor.power_off_from_inside(ONE)
    gone = vfs(stage)
    stage.desire(replace(server, starts=2))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert gone == ()
    assert len(vfs(stage)) == 2
    assert (seen.power, seen.starts, seen.fault) == (PowerState.RUNNING, 2, None)
    assert stage.driver(FIRST) == "vfio-pci"


def test_while_the_kernel_refuses_the_server_waits_and_has_no_fault(stage: Stage) -> None:
    declared(stage, 2)
    stage.kernel.refuse("set sriov_numvfs", PF, "Cannot allocate memory", times=2)
    stage.desire(desired_server(ONE, FIRST, ids=IDS))
    agent = stage.agent()

    stage.settle(agent, 1)
    told = notes(stage)
    stage.settle(agent, 8)

    assert "did not get 2 virtual functions" in told
    assert f"{FIRST}: the virtual functions of {PF} are not made yet" in told
    [seen] = stage.link.last.servers
    assert (seen.power, seen.fault) == (PowerState.RUNNING, None)
    assert notes(stage) == ""


def test_a_kernel_that_hangs_keeps_no_other_server_and_is_told_nothing_more(stage: Stage) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    declared(stage, 2)
    stage.kernel.hang("set sriov_numvfs", PF, times=1)
    stage.desire(desired_server(ONE, gpu), desired_server(TWO, FIRST, ids=IDS))
    agent = stage.agent()

    stage.settle(agent, 4)
    during = {seen.id: seen.power for seen in stage.link.last.servers}
    told = notes(stage)
    stage.kernel.finish(PF)
    stage.settle(agent, 70)

    assert during == {ONE: PowerState.RUNNING}
    assert "has not finished" in told
    assert {seen.id: seen.power for seen in stage.link.last.servers} == {
        ONE: PowerState.RUNNING,
        TWO: PowerState.RUNNING,
    }


@pytest.mark.parametrize("count", [0, 1, 4])
def test_another_number_waits_until_nobody_uses_one(stage: Stage, count: int) -> None:
    declared(stage, 2)
    stage.desire(desired_server(ONE, FIRST, ids=IDS))
    stage.settle(stage.agent())
    declared(stage, count)
    agent = stage.agent()

    stage.settle(agent, 3)
    during, told = vfs(stage), notes(stage)
    stage.desire(absent=(ONE,))
    stage.settle(agent, 20)

    assert len(during) == 2
    assert f"{PF} can't get {count} virtual functions while it is in use" in told
    assert f"{FIRST} belongs to server {ONE}" in told
    assert len(vfs(stage)) == count


def test_a_server_that_is_only_promised_one_is_a_user(stage: Stage) -> None:
    """Its claim is there, and its host is busy with the image."""
    declared(stage, 2)
    stage.settle(stage.agent(), 1)
    declared(stage, 1)
    stage.kernel.refuse("override", FIRST, "busy")
    stage.desire(desired_server(ONE, FIRST, ids=IDS))

    stage.settle(stage.agent(), 3)

    assert len(vfs(stage)) == 2


def test_a_physical_function_that_a_server_has_gets_none(stage: Stage) -> None:
    stage.desire(desired_server(ONE, PF, ids=IDS))
    stage.settle(stage.agent())
    declared(stage, 2)

    stage.settle(stage.agent(), 2)

    assert vfs(stage) == ()
    assert f"{PF} itself belongs to server {ONE}" in notes(stage)


def test_one_that_the_host_uses_itself_stays(stage: Stage) -> None:
    declared(stage, 2)
    stage.settle(stage.agent(), 1)
    stage.kernel.load("igbvf")
    stage.kernel.override(FIRST, "igbvf")
    stage.kernel.probe(FIRST)
    declared(stage, 4)

    stage.settle(stage.agent(), 2)

    assert (len(vfs(stage)), stage.driver(FIRST)) == (2, "igbvf")
    assert f"{FIRST} is on the host's driver igbvf" in notes(stage)


def test_idle_ones_get_the_driver_that_is_declared(stage: Stage) -> None:
    declared(stage, 2, "vfio-pci")

    stage.settle(stage.agent(), 1)

    assert [stage.driver(vf) for vf in vfs(stage)] == ["vfio-pci", "vfio-pci"]


@pytest.mark.parametrize(
    ("pf", "count", "code"),
    [(PF, 17, "too-many-vfs"), (PciAddress("0000:99:00.0"), 1, "device-vanished")],
)
def test_what_can_not_be_is_told_and_the_agent_goes_on(stage: Stage, pf: PciAddress, count: int, code: str) -> None:
    gpu = stage.machine.gpu("0000:41:00.0", group=10)
    declared(stage, count, pf=pf)
    stage.desire(desired_server(ONE, gpu))

    stage.settle(stage.agent(), 2)

    [seen] = stage.link.last.servers
    assert seen.power is PowerState.RUNNING
    assert str(pf) in notes(stage)
    with pytest.raises(Exception, match=str(pf)) as caught:
        lay_out(stage.kernel, stage.layouts[0], {})
    assert getattr(caught.value, "code", "") == code


def test_those_that_are_there_stay_when_more_are_declared_than_there_can_be(stage: Stage) -> None:
    declared(stage, 2)
    stage.settle(stage.agent(), 1)
    declared(stage, 17)

    stage.settle(stage.agent(), 2)

    assert len(vfs(stage)) == 2


@pytest.mark.parametrize("point", range(4))
def test_a_kill_at_any_verb_ends_in_the_declared_number(stage: Stage, point: int) -> None:
    declared(stage, 3, "vfio-pci")
    calls = 0

    def die(_verb: str, _device: str) -> None:
        nonlocal calls
        calls += 1
        if calls > point:  # from then on nothing is done any more, no undoing either
            raise KeyboardInterrupt

    watching: Callable[[str, str], None] = die
    stage.kernel.watch(watching)
    with pytest.raises(KeyboardInterrupt):
        stage.settle(stage.agent(), 1)
    stage.kernel.watch(lambda _verb, _device: None)

    stage.settle(stage.agent(), 4)

    assert [stage.driver(vf) for vf in vfs(stage)] == ["vfio-pci"] * 3
