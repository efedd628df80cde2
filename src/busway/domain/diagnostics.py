"""How a running guest does, as its hypervisor counts; None stands for what a hypervisor does not count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NicCounters:
    """Octets and packets of one network card since its guest started, as the guest sends (tx) and receives (rx)."""

    mac: str
    name: str  # of its interface on the host
    rx_octets: int | None = None
    rx_packets: int | None = None
    rx_errors: int | None = None
    rx_drop: int | None = None
    tx_octets: int | None = None
    tx_packets: int | None = None
    tx_errors: int | None = None
    tx_drop: int | None = None


@dataclass(frozen=True, slots=True)
class DiskCounters:
    """Bytes and requests of one disk since its guest started."""

    name: str  # in the domain, such as "vda"
    read_bytes: int | None = None
    read_requests: int | None = None
    write_bytes: int | None = None
    write_requests: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """One look at a guest: its memory in MiB, the time of each vCPU in nanoseconds, its cards and its disks."""

    memory_mb: int
    memory_used_mb: int
    cpu_times: tuple[int | None, ...]
    nics: tuple[NicCounters, ...] = ()
    disks: tuple[DiskCounters, ...] = ()
