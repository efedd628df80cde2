"""vGPUs by the vendor's own way: a VF on its driver gets a type for its server, by a driver that reacts as the real one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.workers import at_once
from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer
from busway.domain.grant import Grant
from busway.domain.ids import ClaimId, ServerId
from busway.domain.mdev import MdevParentSeen
from busway.domain.server import PowerState
from busway.domain.sriov_layout import SriovLayout
from busway.domain.units import Unit, VgpuFunction
from busway.domain.vgpu import SizeMode
from busway.testing.kernel_vgpu import read_size_mode, set_size_mode, vgpu_card
from busway.testing.stage import ONE, TWO, Stage, desired_server

PF = "0000:26:00.0"
VFS = [f"0000:26:00.{n}" for n in range(4, 8)]
TYPES = {1155: ("NVIDIA L40S-12Q", 12), 1158: ("NVIDIA L40S-24Q", 24), 1145: ("NVIDIA L40S-1B", 1)}
STARTS = {12: (0, 12, 24, 36), 24: (0, 24)}


class Killed(BaseException):
    """What nobody catches."""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    card(stage)
    return stage


def card(stage: Stage, **more: object) -> None:
    """An L40S with four VFs of its vGPU manager."""
    stage.machine.function(PF, "10de:26b9", "030200", group=24, driver="nvidia", node=0, total_vfs=32)
    for number in range(4):
        stage.machine.vf(PF, number, "10de:26b9", group=70 + number, node=0, driver="nvidia")
    vgpu_card(stage.machine, PF, TYPES, capacity=48, starts=STARTS, **more)  # type: ignore[arg-type]


def unit(vf: str = VFS[0], number: int = 1155, start: int | None = None) -> VgpuFunction:
    return VgpuFunction(PciAddress(vf), "10de", "26b9", f"nvidia-{number}", start)


def server(server_id: ServerId, *units: Unit) -> DesiredServer:
    grants = tuple(Grant(each, ClaimId(f"c-{each.name}"), number) for number, each in enumerate(units, 1))
    return replace(desired_server(server_id), devices=grants)


def file(stage: Stage, name: str, vf: str = VFS[0]) -> str:
    return (stage.root / "sys/bus/pci/devices" / vf / "nvidia" / name).read_text().strip()


def write(stage: Stage, name: str, text: str, vf: str = VFS[0]) -> None:
    (stage.root / "sys/bus/pci/devices" / vf / "nvidia" / name).write_text(text)


def told(stage: Stage) -> dict[str, MdevParentSeen]:
    return {each.name: each for each in stage.link.last.vgpu_functions}


def fault(stage: Stage, server_id: ServerId = ONE) -> str:
    return next(seen.fault.code for seen in stage.link.last.servers if seen.id == server_id and seen.fault)


def test_a_vf_gets_its_type_stays_on_its_driver_and_its_host_tells_of_it(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    [held] = stage.link.last.held
    assert (seen.power, seen.fault, seen.devices) == (PowerState.RUNNING, None, (VFS[0],))
    assert (file(stage, "current_vgpu_type"), stage.driver(PciAddress(VFS[0]))) == ("1155", "nvidia")
    assert (held.unit, held.claim_id, held.before) == (unit(), f"c-{VFS[0]}", "nvidia")
    mine, other = told(stage)[VFS[0]], told(stage)[VFS[1]]
    assert (mine.card, mine.kind, mine.numa_node) == (PF, "vgpu", 0)
    assert [(kind.id, kind.available, kind.instances) for kind in mine.types] == [("nvidia-1155", 0, (VFS[0],))]
    assert [(kind.id, kind.name, kind.available) for kind in other.types] == [("nvidia-1155", "NVIDIA L40S-12Q", 1)]


def test_when_its_server_goes_it_is_no_vgpu_any_more_and_every_size_is_there_again(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))
    agent = stage.agent()
    stage.settle(agent)
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert (file(stage, "current_vgpu_type"), stage.link.last.held, stage.link.last.servers) == ("0", (), ())
    assert {kind.id for kind in told(stage)[VFS[0]].types} == {"nvidia-1145", "nvidia-1155", "nvidia-1158"}


def test_after_a_restart_of_the_host_it_gets_its_type_before_its_guest_starts(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))
    stage.settle(stage.agent())
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()
    forgotten = file(stage, "current_vgpu_type")
    stage.desire(replace(server(ONE, unit()), starts=2))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert (forgotten, file(stage, "current_vgpu_type")) == ("0", "1155")
    assert (seen.power, seen.starts, seen.fault) == (PowerState.RUNNING, 2, None)


def test_sizes_of_a_mixed_card_lie_where_they_were_planned(stage: Stage) -> None:
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    stage.desire(server(ONE, unit(VFS[0], 1155, 36), unit(VFS[1], 1158, 0)), server(TWO, unit(VFS[2], 1155, 24)))

    stage.settle(stage.agent(), 8)

    assert [seen.power for seen in stage.link.last.servers] == [PowerState.RUNNING] * 2
    assert [file(stage, "placement_id", vf) for vf in VFS[:3]] == ["36", "0", "24"]
    assert {each.mode for each in told(stage).values()} == {"mixed"}


# Bad input


def test_a_type_that_the_card_never_had_fails_the_build_and_leaves_nothing(stage: Stage) -> None:
    stage.desire(server(ONE, unit(number=99)))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, stage.link.last.held) == ("no-vgpu-type", ())
    assert "1155 (NVIDIA L40S-12Q)" in seen.fault.detail


def test_a_type_that_the_card_has_no_more_fails_the_second_and_keeps_the_first(stage: Stage) -> None:
    """In equal-size mode a vGPU takes the other sizes from the list."""
    stage.desire(server(ONE, unit()))
    agent = stage.agent()
    stage.settle(agent)
    stage.desire(server(ONE, unit()), server(TWO, unit(VFS[1], 1158)))

    stage.settle(agent)

    assert fault(stage, TWO) == "no-vgpu-type"
    assert [held.server_id for held in stage.link.last.held] == [ONE]
    assert (file(stage, "current_vgpu_type"), file(stage, "current_vgpu_type", VFS[1])) == ("1155", "0")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (replace(unit(), address=PciAddress("0000:99:00.4")), "device-vanished"),
        (replace(unit(), product_id="2236"), "device-changed"),
        (replace(unit(), type_id="i915-GVTg_V5_4"), "no-vgpu-type"),
        (replace(unit(), address=PciAddress(PF)), "no-vgpu-files"),
    ],
    ids=["no such function", "another product", "another vendor's type", "the card itself"],
)
def test_what_can_not_be_a_vgpu_fails_the_build(stage: Stage, wanted: VgpuFunction, code: str) -> None:
    stage.desire(server(ONE, wanted))

    stage.settle(stage.agent())

    assert (fault(stage), stage.link.last.held) == (code, ())


def test_one_that_somebody_made_by_hand_is_left_alone(stage: Stage) -> None:
    stage.kernel.set(PciAddress(VFS[0]), "nvidia/current_vgpu_type", "1155")
    stage.desire(server(ONE, unit()))
    agent = stage.agent()
    stage.settle(agent)
    first = fault(stage)
    stage.desire(absent=(ONE,))

    stage.settle(agent)

    assert (first, stage.link.last.held) == ("vgpu-in-use", ())
    assert file(stage, "current_vgpu_type") == "1155"


def test_a_number_of_vfs_is_not_changed_under_a_vgpu(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))
    stage.settle(stage.agent())
    stage.layouts = (SriovLayout(PciAddress(PF), 2),)

    stage.settle(stage.agent())

    assert any("while it is in use" in note and VFS[0] in note for note in stage.link.last.notes)
    assert len(told(stage)) == 4


def test_more_vfs_than_the_card_has_are_refused(stage: Stage) -> None:
    stage.layouts = (SriovLayout(PciAddress(PF), 65, "nvidia"),)

    stage.settle(stage.agent())

    assert any("can't have 65 VFs" in note for note in stage.link.last.notes)
    assert len(told(stage)) == 4


def test_a_mode_is_not_switched_under_a_vgpu_and_is_once_the_card_is_empty(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))
    stage.settle(stage.agent())
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    agent = stage.agent()
    stage.settle(agent)
    during = read_size_mode(stage.root, PF), {each.mode for each in told(stage).values()}, stage.link.last.notes
    stage.desire(absent=(ONE,))

    stage.settle(agent, 70)

    assert during[:2] == ("equal", {"equal"})
    assert any("can't go into mixed-size mode while it has vGPUs" in note for note in during[2])
    assert read_size_mode(stage.root, PF) == "mixed"
    assert {each.mode for each in told(stage).values()} == {"mixed"}
    assert not any("mixed" in note for note in stage.link.last.notes)


def test_a_mode_that_the_card_does_not_have_is_told_and_keeps_only_its_servers(stage: Stage) -> None:
    (stage.root / "fake/vgpu" / PF).rename(stage.root / "fake/vgpu/elsewhere")  # nvidia-smi does not know the card
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    stage.desire(server(ONE, unit(start=0)), desired_server(TWO))

    stage.settle(stage.agent())

    assert [(seen.id, seen.power) for seen in stage.link.last.servers if seen.power] == [(TWO, PowerState.RUNNING)]
    assert any("No devices were found" in note for note in stage.link.last.notes)
    assert "not known yet" in told(stage)[VFS[0]].trouble


def test_the_mode_comes_again_after_a_restart_before_the_vgpus_do(stage: Stage) -> None:
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    both = server(ONE, unit(VFS[0], 1155, 36), unit(VFS[1], 1158, 0))
    stage.desire(both)
    stage.settle(stage.agent(), 8)
    stage.hypervisor.power_off_from_inside(ONE)
    stage.kernel.reboot()
    forgotten = read_size_mode(stage.root, PF)
    stage.desire(replace(both, starts=2))

    stage.settle(stage.agent(), 8)

    [seen] = stage.link.last.servers
    assert (forgotten, seen.power, seen.starts, seen.fault) == ("equal", PowerState.RUNNING, 2, None)
    assert [file(stage, "placement_id", vf) for vf in VFS[:2]] == ["36", "0"]


def test_a_mode_that_somebody_changed_by_hand_is_set_again(stage: Stage) -> None:
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    agent = stage.agent()
    stage.settle(agent)
    set_size_mode(stage.root, PF, "equal")

    stage.settle(agent, 70)

    assert read_size_mode(stage.root, PF) == "mixed"


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("ID : vGPU Name : Max\n1155 : NVIDIA L40S-12Q : 4\n", {"nvidia-1155": "NVIDIA L40S-12Q"}),
        ("vGPU Name : Type ID\nNVIDIA L40S-12Q : 1155\n", {"nvidia-1155": "NVIDIA L40S-12Q"}),
        ("1155 : NVIDIA L40S-12Q", {"nvidia-1155": "NVIDIA L40S-12Q"}),
        ("ID    : vGPU Name\n", {}),
        ("", {}),
    ],
    ids=["one more column", "the columns turned round", "no head", "a full card", "an empty file"],
)
def test_other_columns_of_the_list_are_read_by_their_head(stage: Stage, text: str, types: dict[str, str]) -> None:
    write(stage, "creatable_vgpu_types", text)

    stage.settle(stage.agent())

    mine = told(stage)[VFS[0]]
    assert ({kind.id: kind.name for kind in mine.types}, mine.trouble) == (types, "")


@pytest.mark.parametrize("text", ["NVIDIA L40S-12Q, 1155\n", "\x00\x01\x02\n", "twelve : NVIDIA L40S-12Q\n"])
def test_a_list_that_is_no_such_list_is_told_and_nothing_is_offered_by_it(stage: Stage, text: str) -> None:
    write(stage, "creatable_vgpu_types", text)
    stage.desire(server(ONE, unit()))

    stage.settle(stage.agent())

    assert told(stage)[VFS[0]].types == ()
    assert "can't be understood" in told(stage)[VFS[0]].trouble
    assert told(stage)[VFS[1]].trouble == ""
    assert fault(stage) == "no-vgpu-type"


@pytest.mark.parametrize("name", ["current_vgpu_type", "creatable_vgpu_types"])
def test_a_file_that_can_not_be_read_is_told(stage: Stage, name: str) -> None:
    path = stage.root / "sys/bus/pci/devices" / VFS[0] / "nvidia" / name
    path.unlink()
    path.mkdir()  # reading it is an error, whoever reads

    stage.settle(stage.agent())

    assert "can't be read" in told(stage)[VFS[0]].trouble


@pytest.mark.parametrize(
    ("file_name", "start", "code"),
    [("current_vgpu_type", None, "vgpu-failed"), ("placement_id", 0, "vgpu-placement")],
)
def test_a_driver_that_answers_an_error_fails_the_build_and_leaves_nothing(
    stage: Stage, file_name: str, start: int | None, code: str
) -> None:
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    stage.kernel.refuse(f"set nvidia/{file_name}", PciAddress(VFS[0]), "Input/output error", times=1)
    stage.desire(server(ONE, unit(start=start)))

    stage.settle(stage.agent())

    [seen] = stage.link.last.servers
    assert seen.fault is not None
    assert (seen.fault.code, stage.link.last.held) == (code, ())
    assert "Input/output error" in seen.fault.detail
    assert file(stage, "current_vgpu_type") == "0"


def test_a_driver_that_does_nothing_fails_the_build(stage: Stage) -> None:
    stage.kernel.ignore("set nvidia/current_vgpu_type", PciAddress(VFS[0]))
    stage.desire(server(ONE, unit()))

    stage.settle(stage.agent())

    assert (fault(stage), stage.link.last.held) == ("vgpu-failed", ())


def test_what_a_hanging_driver_does_late_is_still_known_and_undone(stage: Stage) -> None:
    stage.kernel.hang("set nvidia/current_vgpu_type", PciAddress(VFS[0]), times=1)
    stage.desire(server(ONE, unit()))
    agent = stage.agent()
    stage.settle(agent)
    held = [each.unit.name for each in stage.link.last.held]
    stage.desire(absent=(ONE,))
    stage.settle(agent, 2)
    still = [each.unit.name for each in stage.link.last.held]
    stage.kernel.finish(PciAddress(VFS[0]))

    stage.settle(agent, 70)

    assert held == still == [VFS[0]]
    assert (file(stage, "current_vgpu_type"), stage.link.last.held) == ("0", ())


def test_one_that_a_process_holds_stays_with_its_server_until_it_is_let_go(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))
    agent = stage.agent()
    stage.settle(agent)
    stage.hypervisor.destroy(ONE)
    stage.machine.hold(4711, "qemu-left", "/dev/vfio/70")
    stage.desire(absent=(ONE,))
    stage.settle(agent, 3)
    [held] = stage.link.last.held
    (stage.root / "proc/4711/fd/3").unlink()

    stage.settle(agent, 70)

    assert held.fault is not None
    assert (held.fault.code, "qemu-left (4711)" in held.fault.brief) == ("device-held", True)
    assert (file(stage, "current_vgpu_type"), stage.link.last.held) == ("0", ())


def test_a_record_that_can_not_be_read_loses_nothing(stage: Stage) -> None:
    stage.desire(server(ONE, unit()))
    stage.settle(stage.agent())
    record = stage.path / "state/held" / f"{VFS[0]}.json"
    kept = record.read_text()
    record.write_text("{")
    stage.desire(absent=(ONE,))
    stage.settle(stage.agent())
    during = [(each.unit.name, each.server_id) for each in stage.link.last.held]
    there = file(stage, "current_vgpu_type")
    record.write_text(kept)

    stage.settle(stage.agent(), 10)

    assert (during, there) == ([(VFS[0], ONE)], "1155")
    assert (file(stage, "current_vgpu_type"), stage.link.last.held) == ("0", ())


@pytest.mark.parametrize(
    "point", ["before:TakeDevice", "after:TakeDevice", "before:GiveBackDevice", "after:GiveBackDevice"]
)
def test_a_kill_around_an_act_ends_as_desired(stage: Stage, point: str) -> None:
    going = "GiveBack" in point
    stage.desire(server(ONE, unit()))
    if going:
        stage.settle(stage.agent())
        stage.desire(absent=(ONE,))

    def die(at: str) -> None:
        if at == point:
            raise Killed

    crash: Callable[[str], None] = die
    stage.spawn = at_once
    with pytest.raises(Killed):
        stage.settle(stage.agent(crash), 2)

    stage.settle(stage.agent())

    assert file(stage, "current_vgpu_type") == ("0" if going else "1155")
    assert [each.unit.name for each in stage.link.last.held] == ([] if going else [VFS[0]])


def test_a_reboot_between_type_and_place_ends_at_the_right_place(stage: Stage) -> None:
    """The type is written, the place is not, and the power goes."""

    def die(verb: str, _device: str) -> None:
        if "placement_id" in verb:
            raise Killed

    stage.spawn = at_once
    stage.vgpu_modes = {PciAddress(PF): SizeMode.MIXED}
    stage.desire(server(ONE, unit(start=36)))
    stage.kernel.watch(die)
    with pytest.raises(Killed):
        stage.settle(stage.agent(), 6)
    stage.kernel.watch(lambda _verb, _device: None)
    stage.kernel.reboot()

    stage.settle(stage.agent(), 6)

    [seen] = stage.link.last.servers
    assert (seen.power, file(stage, "placement_id")) == (PowerState.RUNNING, "36")


def test_mig_backed_types_are_given_as_long_as_there_are_gpu_instances(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.machine.function(PF, "10de:20b5", "030200", group=24, driver="nvidia", total_vfs=16)
    for number in range(4):
        stage.machine.vf(PF, number, "10de:20b5", group=70 + number, driver="nvidia")
    vgpu_card(stage.machine, PF, {1055: ("NVIDIA A100D-3-40C", 40)}, capacity=80, gpu_instances={1055: 2})
    units = [replace(unit(vf, 1055), product_id="20b5") for vf in VFS]
    stage.desire(server(ONE, *units[:2]), server(TWO, units[2]))

    stage.settle(stage.agent())

    codes = {seen.id: seen.fault.code for seen in stage.link.last.servers if seen.fault}
    assert sum(file(stage, "current_vgpu_type", vf) == "1055" for vf in VFS) in (1, 2)
    assert set(codes.values()) == {"no-vgpu-type"}
