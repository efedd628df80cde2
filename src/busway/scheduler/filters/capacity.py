"""RamFilter, CoreFilter, DiskFilter and NumInstancesFilter: whether the host has enough left, after allocation ratios and reserves."""

from __future__ import annotations

from busway.domain.placement import HostState, PlacementRequest


def ram(host: HostState, request: PlacementRequest) -> str | None:
    """Enough MB of RAM are free."""
    return _short("RAM", host.free_ram_mb, request.ram_mb, " MB")


def cores(host: HostState, request: PlacementRequest) -> str | None:
    """Enough vCPUs are free; a server with CPUs of its own takes none of these."""
    return _short("vCPUs", host.free_vcpus, request.shared_vcpus, "")


def disk(host: HostState, request: PlacementRequest) -> str | None:
    """Enough GB of disk are free."""
    return _short("disk", host.free_disk_gb, request.disk_gb, " GB")


def servers(host: HostState, _request: PlacementRequest) -> str | None:
    """Passes hosts with fewer servers than a host may have."""
    return None if host.free_servers > 0 else "it has as many servers as a host may have (max_instances_per_host)"


def _short(what: str, free: int, wanted: int, unit: str) -> str | None:
    if free >= wanted or not wanted:
        return None
    return f"{what}: {wanted}{unit} wanted, {max(free, 0)}{unit} free"
