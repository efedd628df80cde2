"""What a host has and can run besides its devices: NUMA cells, and the kinds of guests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostCell:
    """A NUMA node that has CPUs; `cpus` is the kernel's list ("0-7,16-23"), `socket` None where it is not known."""

    id: int
    cpus: str
    vcpus: int
    ram_mb: int
    socket: int | None = None


@dataclass(frozen=True, slots=True)
class GuestKind:
    """What a host can run: a CPU architecture, a hypervisor (qemu, kvm) and a mode (hvm)."""

    architecture: str
    hypervisor: str
    mode: str
