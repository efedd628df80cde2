"""What is read of one function beyond its ids, from files as the kernel writes them."""

from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.hardware import Bar, Function, Holder, Link, MdevType, Power, Sriov, read_function
from busway.hardware.holders import read_open_files
from busway.hardware.machine import Machine as Scanned
from busway.hardware.tree import parse_list
from busway.testing.machines import Machine

GPU = "0000:41:00.0"


def gpu(machine: Machine, **files: str) -> Function:
    """A GPU with these files; `power__control` is power/control."""
    texts = {name.replace("__", "/"): text for name, text in files.items()}
    machine.function(GPU, "10de:20b5", "030200", group=10, driver="nouveau", files=texts)
    function = read_function(machine.root, PciAddress(GPU))
    assert function is not None
    return function


def test_bars_have_size_place_and_kind(machine: Machine) -> None:
    lines = [
        "0x00000000a0000000 0x00000000a0ffffff 0x0000000000040200",
        "0x0000380000000000 0x0000380fffffffff 0x000000000014220c",
        "0x0000000000000000 0x0000000000000000 0x0000000000000000",
        "0x0000000000000000 0x0000000001ffffff 0x0000000020140204",
        "0x0000000000000000 0x0000000000000000 0x0000000000000000",
        "0x0000000000005000 0x000000000000507f 0x0000000000040101",
        "0x00000000a1000000 0x00000000a107ffff 0x0000000000046200",
        "0x0000390000000000 0x000039000fffffff 0x0000000000140204",
    ]

    bars = gpu(machine, resource="\n".join(lines), resource1_resize="000000000001fff0").bars

    assert bars is not None
    assert bars.own == (
        Bar(0, 16 << 20, 0xA0000000),
        Bar(1, 64 << 30, 0x380000000000, False, True, True, tuple(1 << bit for bit in range(24, 37))),
        Bar(3, 32 << 20, None, is_64bit=True),
        Bar(5, 128, 0x5000, is_io=True),
    )
    assert bars.rom == Bar(6, 512 << 10, 0xA1000000, is_prefetchable=True)
    assert bars.vf == (Bar(0, 256 << 20, 0x390000000000, is_64bit=True),)
    assert [bar.index for bar in bars.memory] == [0, 1, 3]


@pytest.mark.parametrize(
    ("now", "width", "link"),
    [
        ("2.5 GT/s PCIe", "16", Link(2.5, 16, 16.0, 16)),
        ("8 GT/s", "8", Link(8.0, 8, 16.0, 16)),
        ("Unknown", "0", Link(None, None, 16.0, 16)),
        ("Unknown speed", "255", Link(None, None, 16.0, 16)),
    ],
)
def test_a_link_has_speed_and_width_now_and_at_most(machine: Machine, now: str, width: str, link: Link) -> None:
    function = gpu(
        machine,
        current_link_speed=now,
        current_link_width=width,
        max_link_speed="16.0 GT/s PCIe",
        max_link_width="16",
    )

    assert function.link == link
    assert function.link.is_narrow is (width == "8")


def test_power_and_reset_are_read(machine: Machine) -> None:
    function = gpu(
        machine, d3cold_allowed="0", power__control="auto", power__runtime_status="suspended", power_state="D3cold"
    )

    assert function.power == Power(False, "auto", "suspended", "D3cold")
    assert (function.reset_methods, function.can_reset) == (("flr", "bus"), True)


def test_an_empty_reset_method_is_no_reset(machine: Machine) -> None:
    function = gpu(machine, reset_method="")

    assert (function.reset_methods, function.can_reset) == ((), False)


def test_an_older_kernel_tells_only_that_there_is_some_reset(machine: Machine) -> None:
    function = gpu(machine)
    (machine.folder(GPU) / "reset_method").unlink()

    assert (function.reset_methods, function.can_reset) == (None, True)


def test_the_override_is_read_and_none_is_empty(machine: Machine) -> None:
    function = gpu(machine)
    before = function.driver_override
    (machine.folder(GPU) / "driver_override").write_text("vfio-pci\n")

    assert (before, function.driver_override) == ("", "vfio-pci")


def test_a_vmd_domain_of_more_than_four_digits_is_read_with_its_bridges(machine: Machine) -> None:
    machine.bridge("10000:e0:01.0", group=1)
    machine.function("10000:e1:00.0", "10de:20b5", "030200", group=2, under="10000:e0:01.0")

    scanned = Scanned.read(machine.root)

    gpu = scanned.find("10000:e1:00.0")
    assert gpu is not None
    assert (gpu.bridges, gpu.host_bridge) == ((PciAddress("10000:e0:01.0"),), "pci10000:e0")


def test_a_group_has_its_type_and_reserved_regions(machine: Machine) -> None:
    gpu(machine)
    machine.write(
        "sys/kernel/iommu_groups/10/reserved_regions",
        "0x000000007a000000 0x000000007a7fffff direct\n0x00000000fee00000 0x00000000feefffff msi",
    )

    group = Scanned.read(machine.root).groups[10]

    assert group.type == "DMA-FQ"
    assert [(region.start, region.kind) for region in group.reserved] == [(0x7A000000, "direct"), (0xFEE00000, "msi")]


def test_a_function_without_sriov_mdev_or_vgpu_says_so(machine: Machine) -> None:
    function = gpu(machine)

    assert (function.sriov, function.mdev_types, function.vendor_vgpu) == (None, (), None)


def test_a_pf_without_vfs_tells_what_it_could_have(machine: Machine) -> None:
    machine.function(GPU, "10de:2236", "030200", group=10, total_vfs=32)

    function = read_function(machine.root, PciAddress(GPU))

    assert function is not None
    assert function.sriov == Sriov(32, 0)


def test_the_instances_of_a_mediated_type_are_told(machine: Machine) -> None:
    function = gpu(machine)
    machine.mdev_type(GPU, "nvidia-742", 15, name="A2-1B")
    made = machine.folder(GPU) / "mdev_supported_types/nvidia-742/devices"
    (made / "4b20d080-1b54-4048-85b3-a6a62d165c01").mkdir()

    assert function.mdev_types == (
        MdevType("nvidia-742", "A2-1B", 15, "vfio-pci", "", ("4b20d080-1b54-4048-85b3-a6a62d165c01",)),
    )


def test_holders_are_found_through_every_file_of_a_device(machine: Machine) -> None:
    function = gpu(machine)
    (machine.folder(GPU) / "drm/card1").mkdir(parents=True)
    (machine.folder(GPU) / "drm/renderD129").mkdir()
    (machine.folder(GPU) / "drm/card1-DP-1").mkdir()
    machine.write(f"proc/driver/nvidia/gpus/{GPU}/information", "Model: \t\t A100\nDevice Minor: \t 3")
    machine.hold(640, "nvidia-persiste", "/dev/nvidia3", "/dev/null")
    machine.hold(812, "Xorg", "/dev/dri/card1")
    machine.hold(813, "ollama", "/dev/dri/renderD129")
    machine.hold(900, "dpdk-app", f"/sys/devices/pci0000:41/{GPU}/resource1")
    machine.hold(901, "other", "/dev/dri/card0", "/dev/nvidia33", "/dev/vfio/1")
    machine.hold(77, "qemu", "/dev/vfio/10")

    found = read_open_files(machine.root)

    assert found.holders([function]) == (
        Holder(77, "qemu"),
        Holder(640, "nvidia-persiste"),
        Holder(812, "Xorg"),
        Holder(813, "ollama"),
        Holder(900, "dpdk-app"),
    )
    assert found.hidden == 0


def test_a_framebuffer_is_found_without_root_where_all_addresses_are_zero(machine: Machine) -> None:
    machine.write(
        "proc/iomem",
        f"00000000-00000000 : PCI Bus 0000:41\n  00000000-00000000 : {GPU}\n    00000000-00000000 : efifb",
    )

    framebuffers = Scanned.read(machine.root).framebuffers

    assert framebuffers is not None
    assert [str(found.function) for found in framebuffers] == [GPU]


def test_a_framebuffer_that_lies_in_no_bar_belongs_to_no_device(machine: Machine) -> None:
    machine.write("proc/iomem", "80000000-80ffffff : BOOTFB\n90000000-90ffffff : Reserved")

    framebuffers = Scanned.read(machine.root).framebuffers

    assert framebuffers is not None
    assert [found.function for found in framebuffers] == [None]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-2,5", {0, 1, 2, 5}), ("", set()), ("7", {7}), ("3-1", None), ("a", None), ("0-99999999", None)],
)
def test_lists_of_the_kernel_are_read(text: str, numbers: set[int] | None) -> None:
    assert parse_list(text) == numbers


@pytest.mark.skipif(not Path("/sys/bus/pci/devices").is_dir(), reason="needs a kernel with PCI")
def test_everything_can_be_asked_of_this_machine() -> None:
    for function in Scanned.read():
        for name in vars(Function):
            if isinstance(getattr(Function, name), property):
                getattr(function, name)
