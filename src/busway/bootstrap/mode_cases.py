"""Every way to give a guest a GPU, as cases that a lab cloud can run: what is asked, and what guest and host must show.

`make demo-modes` runs and prints them; the lab's tests run the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SAMPLES = ("mtty", "mdpy", "mbochs")

# The classes of the kernel's sample drivers, for the configuration of a lab cloud.
SAMPLE_CONFIG = """
[devices]
enabled_mdev_types = mtty-2, mdpy-vga, mbochs-large

[mdev_mtty-2]
mdev_class = CUSTOM_MTTY
device_addresses = mtty
max_instances = 1

[mdev_mdpy-vga]
mdev_class = CUSTOM_MDPY
device_addresses = mdpy

[mdev_mbochs-large]
mdev_class = CUSTOM_MBOCHS
device_addresses = mbochs
"""


@dataclass(frozen=True, slots=True)
class ModeCase:
    """One way: the words of flavor and image, the PCI ids that the guest must show, and those that it must not.

    `host` is a shell command in the lab host that prints its evidence; DOMAIN stands for the guest's UUID. What it
    prints must match `shows`. `kernel` is the lab's guest image, "" for the one that all others use, and `ends` what the guest
    says last.
    """

    name: str
    what: str
    flavor: Mapping[str, str] = field(default_factory=dict)
    image: Mapping[str, str] = field(default_factory=dict)
    guest: tuple[str, ...] = ()
    not_guest: str = ""
    host: str = ""
    shows: str = ""
    kernel: str = ""
    ram_mb: int = 256
    ends: str = "busway-guest ready"

    def evidence(self, listed: str) -> list[str]:
        """The guest's own lines that prove it; raises `AssertionError` where one is missing or must not be there."""
        lines = listed.splitlines()
        found = [next((line for line in lines if re.search(wanted, line)), None) for wanted in self.guest]
        missing = [wanted for wanted, line in zip(self.guest, found, strict=True) if line is None]
        assert not missing, f"the guest shows no {', '.join(missing)}: {listed}"
        unwanted = [line for line in lines if self.not_guest and re.search(self.not_guest, line)]
        assert not unwanted, f"the guest shows what it must not: {unwanted}"
        return [line for line in found if line is not None] or [f"no line with {self.not_guest}"]


_BOUND = (
    "for d in /sys/bus/pci/drivers/vfio-pci/0*; do [ -e $d ] && echo ${d##*/} driver vfio-pci, "
    "group $(basename $(readlink $d/iommu_group)); done"
)
_VIDEO = "virsh -q -c qemu:///system dumpxml DOMAIN | grep -A1 '<video>\\|<graphics' | grep 'model\\|graphics' || echo no video"


def _video(model: str, ids: str, what: str) -> ModeCase:
    return ModeCase(
        f"display {model}", what, image={"hw_video_model": model}, guest=(rf"\[{ids}\]",), host=_VIDEO,
        shows=f"type='{model}'",
    )  # fmt: skip


CASES: tuple[ModeCase, ...] = (
    ModeCase(
        "whole card", "fixed pass-through of every function, by VFIO",
        flavor={"pci_passthrough:alias": "a1:1"}, image={"hw_video_model": "none"}, guest=(r"\[03\d\d\].*\[1234:1111\]",),
        host=_BOUND, shows=r"driver vfio-pci",
    ),
    ModeCase(
        "virtual function", "SR-IOV: a part that the device makes itself, by VFIO",
        flavor={"pci_passthrough:alias": "vf:1"}, image={"hw_video_model": "none"}, guest=(r"\[0108\].*\[1b36:0010\]",),
        host=_BOUND, shows=r"driver vfio-pci",
    ),
    ModeCase(
        "mediated devices", "parts that the host's driver makes: mbochs, mdpy and mtty in one guest",
        flavor={f"resources{name}:CUSTOM_{name.upper()}": "1" for name in SAMPLES}, image={"hw_video_model": "none"},
        guest=(r"\[1234:1111\]", r"\[1b36:000f\]", r"\[4348:3253\]"),
        host="for d in /sys/bus/mdev/devices/*; do echo ${d##*/} of $(basename $(dirname $(readlink -f $d))); done",
        shows=r"(?s)(?=.*of mbochs)(?=.*of mdpy)(?=.*of mtty)",
    ),
    _video("virtio", "1af4:1050", "emulation: virtio-gpu, the default"),
    _video("vga", "1234:1111", "emulation: standard VGA"),
    _video("bochs", "1234:1111", "emulation: a display without VGA"),
    _video("cirrus", "1013:00b8", "emulation: for old guests"),
    _video("qxl", "1b36:0100", "emulation: for SPICE's driver"),
    ModeCase(
        "render share", "API remoting: a virtio GPU that the host draws for (virgl), here in software",
        flavor={"resources:CUSTOM_VIRGL": "1"}, image={"hw_video_model": "virtio"}, kernel="graphics", ram_mb=512,
        ends="busway-guest drew", guest=(r"\[1af4:1050\]", r"features: .*\+virgl", r"gl: renderer: virgl", r"gl: drawn: 51 102 153"),
        host="virsh -q -c qemu:///system dumpxml DOMAIN | grep 'rendernode\\|accel3d'", shows=r"platform-vgem-render",
    ),
    ModeCase(
        "no display", "none at all: a guest with its serial port only",
        image={"hw_video_model": "none"}, not_guest=r"\[03\d\d\]", host=_VIDEO, shows=r"type='none'|no video",
    ),
)  # fmt: skip

# What no emulated machine has, by the name of the way in `busway device modes`.
LACKING: Mapping[str, str] = {
    "vendor vGPU": "vGPU functions of a vendor (vendor-specific VFIO)",
    "pci-assign": "legacy assignment (pci-assign)",
}
