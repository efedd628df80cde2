"""The parts of a host's report that placement uses: its NUMA cells, its capabilities, the kinds of guests that it can run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache

from busway.control.settings import Ratios, Settings
from busway.domain.documents import DesiredCell, HostResources
from busway.domain.host_facts import GuestKind
from busway.domain.ids import HostId, ServerId
from busway.domain.placement import NumaCell, Pairs
from busway.store import cells, hosts
from busway.store.cells import UsedCell
from busway.store.database import Tx


def free_cells(ratios: Ratios, resources: HostResources | None, used: Iterable[UsedCell]) -> tuple[NumaCell, ...]:
    """The host's cells with what guests with NUMA cells leave free; guests without cells are not counted on any cell."""
    if resources is None or not resources.cells:
        return ()
    vcpus: Counter[int] = Counter()
    held: dict[int, set[int]] = defaultdict(set)
    ram_mb: Counter[int] = Counter()
    for each in used:
        vcpus[each.cell] += each.shared_vcpus
        held[each.cell].update(each.held)
        ram_mb[each.cell] += each.ram_mb
    return tuple(
        NumaCell(
            cell.id,
            int(cell.vcpus * ratios.cpu) - vcpus[cell.id],
            int(cell.ram_mb * ratios.ram) - ram_mb[cell.id],
            cell.socket,
            cell.vcpus,
            cell.cores,
            frozenset(held[cell.id]),
        )
        for cell in resources.cells
    )


def reserved_mb(settings: Settings, resources: HostResources | None) -> int:
    """The RAM of a host that guests never get; what a host keeps in huge pages is for guests alone."""
    return 0 if resources is not None and resources.paged else settings.reserved_host_memory_mb


def desired_cells(tx: Tx, server_id: ServerId, host_id: HostId | None) -> tuple[DesiredCell, ...]:
    """The nodes on which a server's NUMA cells must lie, with the CPUs that its host has reported of each."""
    taken = cells.find_cells(tx, server_id, host_id) if host_id is not None else ()
    host = hosts.find_host_by_id(tx, host_id) if taken and host_id is not None else None
    known = {cell.id: cell.cpus for cell in host.resources.cells} if host and host.resources else {}
    return tuple(
        DesiredCell(each.vcpus, each.ram_mb, each.cell, known[each.cell], each.pins, each.emulator)
        for each in taken
        if each.cell in known
    )


@lru_cache(maxsize=256)  # hosts are built alike, and each snapshot asks for each of them
def capabilities(resources: HostResources | None) -> Pairs | None:
    """What extra specs of the scope `capabilities` are compared with, under Nova's names; None before any report."""
    if resources is None:
        return None
    found = {
        "hypervisor_type": resources.hypervisor_type,
        "hypervisor_version": str(resources.hypervisor_version or ""),
        "cpu_info:arch": resources.architecture,
        "cpu_info:model": resources.cpu_model,
        "cpu_info:features": " ".join(resources.cpu_features),
    }
    return tuple((name, value) for name, value in found.items() if value)


def guests(resources: HostResources | None) -> tuple[GuestKind, ...] | None:
    """The kinds of guests that the host can run; None if it does not report them."""
    return (resources.guests or None) if resources else None
