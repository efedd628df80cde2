"""Machines after real ones: what a person must be shown of each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.hardware import Card, Distance, Function, Machine
from busway.testing.machines_named import NAMED

Build = Callable[[str], Machine]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def make(name: str) -> Machine:
        NAMED[name](tmp_path)
        return Machine.read(tmp_path)

    return make


def cards(machine: Machine) -> dict[str, tuple[str, int | None]]:
    """Each GPU card: the functions' numbers and the group."""
    return {
        card.name: ("".join(str(f.address.function) for f in card.functions), card.iommu_group)
        for card in machine.gpu_cards
    }


def addresses(functions: tuple[Function, ...]) -> list[str]:
    return [str(function.address) for function in functions]


def card(machine: Machine, address: str) -> Card:
    found = machine.card(PciAddress(address))
    assert found is not None
    return found


def distance(machine: Machine, one: str, other: str) -> str:
    return str(machine.topology.distance(PciAddress(one), PciAddress(other)))


def test_two_grid_k2_are_four_cards_in_four_groups(build: Build) -> None:
    machine = build("grid-k2")

    assert cards(machine) == {
        "0000:04:00": ("0", 45),
        "0000:05:00": ("0", 46),
        "0000:84:00": ("0", 58),
        "0000:85:00": ("0", 59),
    }
    assert {gpu.product_id for gpu in machine.gpus} == {"11bf"}
    assert distance(machine, "0000:04:00.0", "0000:05:00.0") == "PIX"
    assert distance(machine, "0000:04:00.0", "0000:84:00.0") == "SYS"


def test_a_gtx_1660_is_one_card_of_four_functions_and_its_root_port_is_harmless(build: Build) -> None:
    machine = build("gtx-1660")

    assert cards(machine) == {"0000:01:00": ("0123", 2)}
    one = card(machine, "0000:01:00.2")
    assert addresses(one.harmless) == ["0000:00:01.0"]
    assert (one.foreign, one.unusual) == ((), ())
    assert addresses(machine.groups[2].members)[0] == "0000:00:01.0"


def test_four_a5000_are_four_cards_with_their_audio(build: Build) -> None:
    machine = build("a5000-four")

    assert cards(machine) == {
        "0000:31:00": ("01", 7),
        "0000:4b:00": ("01", 5),
        "0000:b1:00": ("01", 21),
        "0000:ca:00": ("01", 19),
    }
    assert distance(machine, "0000:31:00.0", "0000:4b:00.0") == "NODE"
    assert distance(machine, "0000:31:00.0", "0000:ca:00.0") == "SYS"


def test_an_hgx_h200_has_eight_cards_and_its_nvswitches_share_a_group(build: Build) -> None:
    machine = build("hgx-h200")

    assert [group for _, group in cards(machine).values()] == [59, 50, 41, 15, 107, 98, 89, 79]
    switches = [f for f in machine.groups[114].members if f.driver == "nvidia-nvswitch"]
    assert addresses(tuple(switches)) == [f"0000:0{bus}:00.0" for bus in (5, 6, 7, 8)]
    assert not any(switch.is_gpu for switch in switches)
    assert addresses(card(machine, "0000:05:00.0").foreign) == ["0000:06:00.0", "0000:07:00.0", "0000:08:00.0"]
    bars = machine.gpus[0].bars
    assert bars is not None
    assert [bar.size >> 20 for bar in bars.own] == [16, 256 << 10, 32]


def test_the_gpus_of_an_hgx_h200_are_near_their_nics(build: Build) -> None:
    machine = build("hgx-h200")

    assert distance(machine, "0000:18:00.0", "0000:19:00.0") == "PIX"
    assert distance(machine, "0000:18:00.0", "0000:2b:00.0") == "NODE"
    assert distance(machine, "0000:18:00.0", "0000:9b:00.0") == "SYS"
    assert distance(machine, "0000:05:00.0", "0000:06:00.0") == "PIX"


def test_an_a10_has_32_vfs_and_each_is_a_card_of_its_own(build: Build) -> None:
    machine = build("a10-vfs")

    found = cards(machine)
    assert found["0000:41:00"] == ("0", 44)
    assert len(found) == 33
    assert (found["0000:41:00.4"], found["0000:41:04.3"]) == (("4", 60), ("3", 91))
    pf = machine.find("0000:41:00.0")
    assert pf is not None
    sriov = pf.sriov
    assert sriov is not None
    assert (sriov.total, sriov.enabled, len(sriov.vfs)) == (32, 32, 32)
    assert [str(sriov.vfs[number]) for number in (0, 1, 10, 31)] == [
        "0000:41:00.4",
        "0000:41:00.5",
        "0000:41:01.6",
        "0000:41:04.3",
    ]
    assert addresses(card(machine, "0000:41:00.0").harmless) == ["0000:40:03.0", "0000:40:03.1"]
    assert str(pf.link) == "2.5 GT/s x16 of 16 GT/s x16"
    assert pf.link.is_narrow is False


def test_the_vfs_of_an_l40s_tell_their_vgpu_types(build: Build) -> None:
    machine = build("l40s-vendor-vfio")

    pf, vf = machine.find("0000:26:00.0"), machine.find("0000:26:00.4")
    assert pf is not None
    assert pf.vendor_vgpu is None
    assert vf is not None
    assert vf.vendor_vgpu is not None
    assert vf.vendor_vgpu.current == 0
    assert [(one.id, one.name) for one in vf.vendor_vgpu.creatable] == [
        (1145, "NVIDIA L40S-1B"),
        (1166, "NVIDIA L40S-48A"),
        (2164, "NVIDIA L40S-3B"),
    ]


def test_an_a2_and_an_a16_have_one_id_and_two_names(build: Build) -> None:
    machine = build("a2-and-a16")

    a2, a16 = machine.find("0000:08:00.0"), machine.find("0000:25:00.0")
    assert a2 is not None
    assert a16 is not None
    assert (a2.vendor_id, a2.product_id) == (a16.vendor_id, a16.product_id)
    assert (a2.names.product, a16.names.product) == ("GA107GL [A2 / A16]", "GA107GL [A2 / A16]")
    assert (a2.names.subsystem, a16.names.subsystem) == ("A2", "A16")


def test_the_vf_of_an_a2_offers_mediated_types(build: Build) -> None:
    vf = build("a2-and-a16").find("0000:08:00.4")

    assert vf is not None
    assert [(one.id, one.name, one.available) for one in vf.mdev_types] == [
        ("nvidia-742", "NVIDIA A2-1B", 16),
        ("nvidia-756", "NVIDIA A2-16C", 0),
    ]
    assert (vf.reset_methods, vf.power.d3cold_allowed, vf.link.speed) == (("flr",), False, None)


def test_an_mi300x_is_a_gpu_behind_switches_with_its_nic_one_level_above(build: Build) -> None:
    machine = build("mi300x-switches")

    assert [str(gpu.address) for gpu in machine.gpus] == [f"0000:{bus}:00.0" for bus in ("0c", "15", "1e", "69", "9f")]
    assert {gpu.class_code for gpu in machine.gpus} == {"120000"}
    chain = [machine.functions[address] for address in machine.gpus[0].bridges]
    assert [f"{bridge.vendor_id}:{bridge.product_id}" for bridge in chain] == [
        "1022:14ab",
        "15b3:1979",
        "15b3:1979",
        "1022:1500",
        "1022:1501",
    ]
    assert distance(machine, "0000:0c:00.0", "0000:07:00.0") == "PXB"
    assert distance(machine, "0000:0c:00.0", "0000:15:00.0") == "NODE"
    assert distance(machine, "0000:0c:00.0", "0000:9f:00.0") == "SYS"


def test_a_gvt_g_gpu_tells_types_with_what_is_left_and_what_was_made(build: Build) -> None:
    gpu = build("gvt-g").gpus[0]

    assert [(one.name, one.available, len(one.instances)) for one in gpu.mdev_types] == [
        ("GVTg_V4_1", 0, 0),
        ("GVTg_V4_2", 1, 0),
        ("GVTg_V4_4", 3, 2),
        ("GVTg_V4_8", 4, 0),
    ]
    assert gpu.boot_vga is True


def test_the_bad_group_of_an_apu_is_shown_by_name(build: Build) -> None:
    machine = build("apu-bad-group")

    assert cards(machine) == {"0000:04:00": ("01234", 5)}
    apu = card(machine, "0000:04:00.0")
    assert addresses(apu.harmless) == ["0000:00:08.0", "0000:00:08.1"]
    assert addresses(apu.unusual) == ["0000:04:00.2", "0000:04:00.3", "0000:04:00.4"]


def test_a_machine_without_iommu_has_cards_and_no_groups(build: Build) -> None:
    machine = build("no-iommu")

    assert cards(machine) == {"0000:01:00": ("01", None)}
    assert machine.groups == {}


def test_a_framebuffer_is_found_in_the_bar_that_it_blocks(build: Build) -> None:
    machine = build("framebuffer-in-bar")

    assert machine.framebuffers is not None
    (found,) = machine.framebuffers
    assert (str(found.function), found.names) == ("0000:c3:00.0", ("BOOTFB", "simpledrm"))
    bars = machine.gpus[0].bars
    assert bars is not None
    assert [bar.index for bar in bars.own if bar.contains(found.start) and bar.contains(found.end)] == [0]
    assert bars.own[0].resizable_sizes == (256 << 20, 32 << 30)
    assert bars.rom is not None


@pytest.mark.parametrize("name", NAMED)
def test_every_named_machine_shows_every_function_in_its_tree(build: Build, name: str) -> None:
    machine = build(name)

    shown = [branch.address for branch in machine.topology.walk()]

    assert sorted(shown) == list(machine.functions)
    assert all(branch.function is not None for branch in machine.topology.walk())


@pytest.mark.parametrize("name", NAMED)
def test_distances_are_the_same_both_ways(build: Build, name: str) -> None:
    machine = build(name)
    far = machine.topology.distance
    some = list(machine.functions)[:12]

    assert all(far(one, other) is far(other, one) for one in some for other in some)
    assert all((far(one, other) is Distance.SELF) is (one == other) for one in some for other in some)
