"""Workstations after real ones: their ids, addresses, classes and groups; the rest is filled in believably."""

from __future__ import annotations

from pathlib import Path

from busway.hardware.bar import Bar
from busway.testing.machines import Machine

_MIB, _GIB = 1 << 20, 1 << 30


def gtx_1660(root: Path) -> Machine:
    """A GTX 1660 with four functions (GPU, audio, USB, UCSI) whose root port is in their group."""
    machine = Machine(root)
    machine.numa(["0-11"])
    machine.bridge("0000:00:01.0", "8086:1901", group=2)
    for function, product, class_code, driver in (
        (0, "2184", "030000", "nouveau"),
        (1, "1aeb", "040300", "snd_hda_intel"),
        (2, "1aec", "0c0330", "xhci_hcd"),
        (3, "1aed", "0c8000", "nvidia-gpu"),
    ):
        address, under = f"0000:01:00.{function}", "0000:00:01.0"
        machine.function(address, f"10de:{product}", class_code, group=2, driver=driver, under=under)
    return machine


def apu_bad_group(root: Path) -> Machine:
    """An APU whose GPU shares its slot and group with the platform's security processor and USB controllers."""
    machine = Machine(root)
    machine.numa(["0-15"])
    machine.function("0000:00:08.0", "1022:1632", "060000", group=5)
    machine.bridge("0000:00:08.1", "1022:1635", group=5)
    for function, ids, class_code, driver in (
        (0, "1002:1638", "030000", "amdgpu"),
        (1, "1002:1637", "040300", "snd_hda_intel"),
        (2, "1022:15df", "108000", "ccp"),
        (3, "1022:1639", "0c0330", "xhci_hcd"),
        (4, "1022:1639", "0c0330", "xhci_hcd"),
    ):
        files = {"boot_vga": "1"} if function == 0 else {}
        address, under = f"0000:04:00.{function}", "0000:00:08.1"
        machine.function(address, ids, class_code, group=5, driver=driver, under=under, files=files)
    return machine


def no_iommu(root: Path) -> Machine:
    """A machine whose IOMMU is off: a card with two functions and no group at all."""
    machine = Machine(root)
    machine.numa(["0-5"])
    machine.function("0000:00:00.0", "1002:5a14", "060000", group=None)
    machine.bridge("0000:00:02.0", "1002:5a16", group=None)
    machine.function(
        "0000:01:00.0", "10de:1c03", "030000", group=None, driver="nouveau", under="0000:00:02.0",
        files={"boot_vga": "1"},
    )  # fmt: skip
    machine.function("0000:01:00.1", "10de:10f1", "040300", group=None, driver="snd_hda_intel", under="0000:00:02.0")
    return machine


def framebuffer_in_bar(root: Path) -> Machine:
    """A GPU in whose BAR the boot framebuffer lies; the kernel's simpledrm draws to it."""
    machine = Machine(root)
    machine.numa(["0-31"])
    machine.bridge("0000:c0:01.1", "1022:1483", group=30)
    gpu = "0000:c3:00.0"
    bars = [
        Bar(0, 32 * _GIB, 0x2800000000, is_64bit=True, is_prefetchable=True, resizable_sizes=(256 * _MIB, 32 * _GIB)),
        Bar(2, 2 * _MIB, 0x3000000000, is_64bit=True, is_prefetchable=True),
        Bar(5, 512 << 10, 0xD0700000),
        Bar(6, 128 << 10, 0xD0780000),
    ]
    machine.function(gpu, "1002:744c", "030000", group=31, under="0000:c0:01.1", bars=bars, files={"boot_vga": "1"})
    machine.write(
        "proc/iomem",
        "00001000-0009ffff : System RAM\n"
        "2000000000-37ffffffff : PCI Bus 0000:c0\n"
        "  2800000000-30001fffff : PCI Bus 0000:c3\n"
        f"    2800000000-2fffffffff : {gpu}\n"
        "      2800000000-2801fa3fff : BOOTFB\n"
        "        2800000000-2801fa3fff : simpledrm\n"
        f"    3000000000-30001fffff : {gpu}",
    )
    return machine


def gvt_g(root: Path) -> Machine:
    """An Intel integrated GPU that mediated devices can be cut from (GVT-g); two were made."""
    machine = Machine(root)
    machine.numa(["0-7"])
    gpu = "0000:00:02.0"
    machine.function(gpu, "8086:591b", "030000", group=0, driver="i915", files={"boot_vga": "1"})
    for name, available, low, high, resolution, weight in (
        ("i915-GVTg_V4_1", 0, 512, 2048, "1920x1200", 16),
        ("i915-GVTg_V4_2", 1, 256, 1024, "1920x1200", 8),
        ("i915-GVTg_V4_4", 3, 128, 512, "1920x1200", 4),
        ("i915-GVTg_V4_8", 4, 64, 384, "1024x768", 2),
    ):
        words = f"low_gm_size: {low}MB\nhigh_gm_size: {high}MB\nfence: 4\nresolution: {resolution}\nweight: {weight}"
        machine.mdev_type(gpu, name, available, description=words, name=name.removeprefix("i915-"))
    made = machine.folder(gpu) / "mdev_supported_types/i915-GVTg_V4_4/devices"
    for number in (1, 2):
        uuid = f"4b20d080-1b54-4048-85b3-a6a62d165c0{number}"
        (made.parents[2] / uuid).mkdir()
        (made / uuid).symlink_to(f"../../../{uuid}")
    return machine
