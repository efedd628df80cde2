"""Mediated devices on a host: made when a server comes, removed when it goes, made again after a restart of the host."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.workers import at_once
from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId, ServerId
from busway.domain.server import PowerState
from busway.domain.units import Mdev, Unit, WholeFunction
from busway.hardware.mediated import see_mdev_parents
from busway.testing.stage import ONE, TWO, Stage, desired_server

GPU = "0000:84:00.0"
FIRST, SECOND = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.machine.gpu(GPU, group=30, node=1, driver="nvidia")
    stage.machine.mdev_type(GPU, "nvidia-35", 2, name="GRID M60-0Q")
    stage.machine.mdev_parent("mtty")
    stage.machine.mdev_type("mtty", "mtty-2", 12, name="Dual port serial")
    return stage


class Killed(BaseException):
    """What nobody catches."""


def server(server_id: ServerId, *units: Unit) -> DesiredServer:
    grants = tuple(Grant(unit, ClaimId(unit.name), number) for number, unit in enumerate(units, 1))
    return replace(desired_server(server_id), devices=grants)


def vgpu(uuid: str = FIRST) -> Mdev:
    return Mdev(GPU, "nvidia-35", uuid)


def here(stage: Stage) -> dict[str, tuple[str, ...]]:
    return {each.name: each.types[0].instances for each in see_mdev_parents(stage.root)}


def test_a_server_gets_what_is_made_for_it_and_its_host_tells_of_both(stage: Stage) -> None:
    stage.desire(server(ONE, vgpu(), Mdev("mtty", "mtty-2", SECOND)))

    stage.settle(stage.agent())

    report = stage.link.last
    [seen] = report.servers
    assert (seen.power, seen.fault, seen.devices) == (PowerState.RUNNING, None, (FIRST, SECOND))
    assert [(held.unit, held.server_id, held.claim_id) for held in report.held] == [
        (vgpu(), ONE, FIRST), (Mdev("mtty", "mtty-2", SECOND), ONE, SECOND),
    ]  # fmt: skip
    told = {parent.name: (parent.numa_node, parent.types[0].available, parent.types[0].instances)
            for parent in report.mdev_parents}  # fmt: skip
    assert told == {GPU: (1, 1, (FIRST,)), "mtty": (None, 11, (SECOND,))}
    assert set(report.resources.kinds) >= {"function", "mdev"}


def test_when_its_server_goes_it_is_removed(stage: Stage) -> None:
    stage.desire(server(ONE, vgpu()))
    agent = stage.agent()
    stage.settle(agent)
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert here(stage) == {GPU: (), "mtty": ()}
    assert (stage.link.last.held, stage.link.last.servers) == ((), ())


def test_after_a_restart_of_the_host_it_is_made_again_with_the_same_uuid(stage: Stage) -> None:
    stage.desire(server(ONE, vgpu()))
    stage.settle(stage.agent())
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()
    gone = here(stage)[GPU]
    stage.desire(replace(server(ONE, vgpu()), starts=2))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert (gone, here(stage)[GPU]) == ((), (FIRST,))
    assert (seen.power, seen.starts, seen.fault) == (PowerState.RUNNING, 2, None)


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        (Mdev(GPU, "nvidia-99", FIRST), "no-mdev-type"),
        (Mdev("0000:99:00.0", "nvidia-35", FIRST), "device-vanished"),
        (Mdev("nothing", "nvidia-35", FIRST), "device-vanished"),
        (Mdev("../../bus", "nvidia-35", FIRST), "device-vanished"),
        (Mdev(GPU, "nvidia-35", "not-a-uuid"), "invalid-uuid"),
    ],
)
def test_what_can_not_be_made_fails_the_build_and_leaves_nothing(stage: Stage, unit: Mdev, code: str) -> None:
    stage.desire(server(ONE, unit))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, stage.link.last.held) == (code, ())


def test_a_third_of_two_is_refused_by_its_host(stage: Stage) -> None:
    stage.desire(server(ONE, vgpu(FIRST), vgpu(SECOND)), server(TWO, vgpu("cccccccc-0000-4000-8000-000000000003")))

    stage.settle(stage.agent())

    faults = [seen.fault.code for seen in stage.link.last.servers if seen.fault]
    assert faults == ["mdev-exhausted"]  # of either: the two are built side by side


def test_a_kernel_that_ignores_the_act_fails_the_build_and_leaves_no_record(stage: Stage) -> None:
    stage.kernel.ignore("set mdev_supported_types/nvidia-35/create", PciAddress(GPU))
    stage.desire(server(ONE, vgpu()))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, stage.link.last.held) == ("mdev-failed", ())


def test_a_kernel_that_answers_an_error_fails_the_build_and_leaves_no_record(stage: Stage) -> None:
    stage.kernel.refuse("set mdev_supported_types/nvidia-35/create", PciAddress(GPU), "Input/output error")
    stage.desire(server(ONE, vgpu()))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, stage.link.last.held, here(stage)[GPU]) == ("mdev-failed", (), ())
    assert "Input/output error" in seen.fault.detail


def test_what_the_kernel_makes_late_is_still_known_and_removed(stage: Stage) -> None:
    stage.kernel.hang("set mdev_supported_types/nvidia-35/create", PciAddress(GPU), times=1)
    stage.desire(server(ONE, vgpu()))
    agent = stage.agent()
    stage.settle(agent)
    held = [each.unit.name for each in stage.link.last.held]
    stage.desire(absent=(ONE,))
    stage.settle(agent, 2)
    still = [each.unit.name for each in stage.link.last.held]
    stage.kernel.finish(PciAddress(GPU))

    stage.settle(agent, 70)

    assert held == still == [FIRST]
    assert (here(stage)[GPU], stage.link.last.held) == ((), ())


def test_one_that_a_process_holds_stays_with_its_server_until_it_is_let_go(stage: Stage) -> None:
    stage.desire(server(ONE, vgpu()))
    agent = stage.agent()
    stage.settle(agent)
    group = (stage.root / "sys/bus/mdev/devices" / FIRST / "iommu_group").resolve().name
    stage.hypervisor.destroy(ONE)
    stage.machine.hold(4711, "qemu-left", f"/dev/vfio/{group}")
    stage.desire(absent=(ONE,))
    stage.settle(agent, 3)
    [held] = stage.link.last.held
    (stage.root / "proc/4711/fd/3").unlink()

    stage.settle(agent, 70)

    assert held.fault is not None
    assert (held.fault.code, "qemu-left (4711)" in held.fault.brief) == ("device-held", True)
    assert (here(stage)[GPU], stage.link.last.held) == ((), ())


def test_a_record_that_can_not_be_read_loses_nothing(stage: Stage) -> None:
    stage.desire(server(ONE, vgpu()))
    stage.settle(stage.agent())
    record = stage.path / "state/held" / f"{FIRST}.json"
    kept = record.read_text()
    record.write_text("{")
    stage.desire(absent=(ONE,))
    stage.settle(stage.agent())
    during = [(each.unit.name, each.server_id) for each in stage.link.last.held]
    there = here(stage)[GPU]
    record.write_text(kept)

    stage.settle(stage.agent(), 10)

    assert (during, there) == ([(FIRST, ONE)], (FIRST,))
    assert (here(stage)[GPU], stage.link.last.held) == ((), ())


def test_a_whole_card_and_an_instance_of_another_are_in_one_guest(stage: Stage) -> None:
    whole = stage.machine.gpu("0000:41:00.0", group=10)
    stage.desire(server(ONE, WholeFunction(whole, "10de", "20b5"), vgpu()))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert (seen.power, seen.devices) == (PowerState.RUNNING, (str(whole), FIRST))


@pytest.mark.parametrize("point", range(2))
@pytest.mark.parametrize("going", [False, True], ids=["coming", "going"])
def test_a_kill_around_the_act_of_the_kernel_ends_as_desired(stage: Stage, point: int, going: bool) -> None:
    if going:
        stage.desire(server(ONE, vgpu()))
        stage.settle(stage.agent())
        stage.desire(absent=(ONE,))
    else:
        stage.desire(server(ONE, vgpu()))
    step = "GiveBackDevice" if going else "TakeDevice"

    def die(at: str) -> None:
        if at == f"{('before', 'after')[point]}:{step}":
            raise Killed

    crash: Callable[[str], None] = die
    stage.spawn = at_once
    with pytest.raises(Killed):
        stage.settle(stage.agent(crash), 2)

    stage.settle(stage.agent())

    left = here(stage)[GPU]
    assert left == (() if going else (FIRST,))
    assert [each.unit.name for each in stage.link.last.held] == list(left)


def test_an_instance_that_has_its_place_on_a_card_is_put_there(stage: Stage) -> None:
    stage.desire(server(ONE, replace(vgpu(), start=24)))

    stage.settle(stage.agent())

    assert (stage.root / "sys/bus/mdev/devices" / FIRST / "nvidia/placement_id").read_text() == "24\n"
    assert stage.link.last.servers[0].power is PowerState.RUNNING


def test_one_that_its_driver_does_not_put_there_fails_the_build_and_is_removed(stage: Stage) -> None:
    stage.kernel.refuse(f"set {FIRST}/nvidia/placement_id", PciAddress(GPU), "Invalid argument")
    stage.desire(server(ONE, replace(vgpu(), start=24)))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, here(stage)[GPU], stage.link.last.held) == ("vgpu-placement", (), ())


def test_a_kill_between_making_and_placing_does_not_start_the_guest_at_another_place(stage: Stage) -> None:
    def die(verb: str, _device: str) -> None:
        if "placement_id" in verb:
            raise Killed

    stage.spawn = at_once
    stage.desire(server(ONE, replace(vgpu(), start=24)))
    stage.kernel.watch(die)
    with pytest.raises(Killed):
        stage.settle(stage.agent(), 2)
    stage.kernel.watch(lambda _verb, _device: None)
    unplaced = here(stage)[GPU]

    stage.settle(stage.agent())

    assert (stage.root / "sys/bus/mdev/devices" / FIRST / "nvidia/placement_id").read_text() == "24\n"
    assert stage.link.last.servers[0].power is PowerState.RUNNING
    assert unplaced in ((), (FIRST,))


def test_a_host_tells_which_card_its_parents_share_and_how_many_it_takes(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    pf = stage.machine.gpu("0000:41:00.0", group=30, driver="nvidia")
    vf = stage.machine.vf(str(pf), 0, "10de:2236", group=31, driver="nvidia")
    stage.machine.mdev_type(
        str(vf), "nvidia-588", 1, name="NVIDIA A10-12Q", description="num_heads=4, framebuffer=12288M, max_instance=2"
    )

    [seen] = see_mdev_parents(stage.root)

    assert (seen.name, seen.card, seen.types[0].most) == (str(vf), str(pf), 2)
