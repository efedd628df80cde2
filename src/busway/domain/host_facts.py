"""What a host has and can run besides its devices: NUMA cells, the kinds of guests, and what weakens its isolation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class GuestAct(StrEnum):
    """What an agent can do beside starting and stopping guests; an older agent says none of it."""

    PAUSE = "pause"
    SUSPEND = "suspend"
    RESCUE = "rescue"
    PLUG = "plug"
    LIVE = "live-migration"
    LIVE_UNPLUG = "live-unplug"  # a guest goes or comes whose devices are unplugged before and plugged in afterwards
    COPY = "copy"  # its disk, while it runs
    EPHEMERAL = "ephemeral"  # its ephemeral disk goes to another host or comes from one
    UPTIME = "uptime"  # tells how long its host is up, how many users it has and its load, when it is asked


# What a host reports of itself that lets a device's guest reach beyond its guest, and what its operator can do there.
UNSAFE_INTERRUPTS, ACS_OVERRIDE = "unsafe-interrupts", "acs-override"
ISOLATION = {
    UNSAFE_INTERRUPTS: (
        "VFIO is configured to work without interrupt remapping (allow_unsafe_interrupts)",
        "switch interrupt remapping on in the firmware and take allow_unsafe_interrupts away",
    ),
    ACS_OVERRIDE: (
        "its IOMMU groups are split beyond what the hardware isolates (pcie_acs_override)",
        "take pcie_acs_override off the kernel's command line and restart it",
    ),
}


@dataclass(frozen=True, slots=True)
class HostCell:
    """A NUMA node that has CPUs; `cpus` is the kernel's list ("0-7,16-23"), `socket` None where it is not known.

    `cpus` and `vcpus` are those that servers share; `cores` has the others, which servers get one by one, each core's
    threads together.
    """

    id: int
    cpus: str
    vcpus: int
    ram_mb: int
    socket: int | None = None
    cores: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class GuestKind:
    """What a host can run: a CPU architecture, a hypervisor (qemu, kvm) and a mode (hvm)."""

    architecture: str
    hypervisor: str
    mode: str


@dataclass(frozen=True, slots=True)
class Chassis:
    """What a host is for OVN: the `name` of its chassis (Open vSwitch's system-id), and in words what it `lacks` to be one.

    A host whose ovn-controller is away for a moment has a name and lacks something. `physical` are the physical networks on
    which Open vSwitch has a bridge (ovn-bridge-mappings): there it can have the gateways of routers.
    """

    name: str = ""
    lacks: str = ""
    physical: tuple[str, ...] = ()
