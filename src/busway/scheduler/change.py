"""Applies a suggested change to a snapshot and a request, so that it can be tried before it is suggested."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from busway.domain.address import PciAddress
from busway.domain.alias import AliasSpec, PciRequest
from busway.domain.dedicated_cpus import MOST_CPUS
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.ids import DeviceId, HostId
from busway.domain.placement import ZONE, DeviceState, GuestCell, HostState, NumaCell, PlacementRequest, Snapshot
from busway.domain.placement_change import (
    AddHost,
    AdmitProject,
    AskAlone,
    AskAnywhere,
    AskAnyZone,
    AskApart,
    AskFewer,
    AskLess,
    AskNumaCells,
    AskNumaPolicy,
    AskSharedCpus,
    AskWithoutSpec,
    Change,
    EnableHost,
    FreeDevices,
    JoinAggregate,
    MakeChassis,
    MakeSafe,
    OfferDevices,
    ReleaseDevices,
    StartHost,
)
from busway.domain.units import WholeFunction
from busway.domain.within import WITHIN_EXTRA_SPEC
from busway.scheduler.filters.aggregate import metadata_for

_NEW_HOST = "new-host"
_NEW_SWITCH = PciAddress("ffff:00:00.0")  # all of its devices lie below it


def apply_changes(
    changes: Iterable[Change], snapshot: Snapshot, request: PlacementRequest
) -> tuple[Snapshot, PlacementRequest]:
    """The snapshot and the request as they are once all changes are made."""
    for change in changes:
        snapshot, request = _apply(change, snapshot, request)
    return snapshot, request


def _apply(change: Change, snapshot: Snapshot, request: PlacementRequest) -> tuple[Snapshot, PlacementRequest]:
    match change:
        case AddHost():
            return Snapshot((*snapshot.hosts, _new_host(request))), request
        case (
            EnableHost()
            | StartHost()
            | MakeSafe()
            | MakeChassis()
            | FreeDevices()
            | ReleaseDevices()
            | OfferDevices()
            | JoinAggregate()
            | AdmitProject()
        ):
            return Snapshot(tuple(_on_host(change, host) for host in snapshot.hosts)), request
        case _:
            return snapshot, _on_request(change, request)


def _on_request(change: Change, request: PlacementRequest) -> PlacementRequest:
    match change:
        case AskFewer():
            pci = list(request.pci)
            pci[change.index] = replace(pci[change.index], count=change.count)
            return replace(request, pci=tuple(pci))
        case AskLess():
            amount = {change.field: change.amount, "numa_sizes": ()}
            return replace(request, **amount)  # type: ignore[arg-type]
        case AskAnywhere():
            return replace(request, host=None)
        case AskAnyZone():
            return replace(request, zone=None)
        case AskAlone():
            return replace(request, group=None)
        case AskWithoutSpec():
            return replace(request, extra_specs=tuple(pair for pair in request.extra_specs if pair[0] != change.key))
        case AskNumaPolicy():
            return replace(request, pci=tuple(replace(each, server_policy=change.policy) for each in request.pci))
        case AskNumaCells():
            return replace(request, numa_nodes=change.count, numa_sizes=())
        case AskSharedCpus():
            return replace(request, threads=None, shared=frozenset(), emulator=False)
        case AskApart():
            specs = tuple(pair for pair in request.extra_specs if pair[0] != WITHIN_EXTRA_SPEC)
            return replace(request, pci=tuple(replace(each, within=None) for each in request.pci), extra_specs=specs)
    return request


def _on_host(change: Change, host: HostState) -> HostState:
    match change:
        case EnableHost() if change.host == host.name:
            return replace(host, enabled=True)
        case StartHost() if change.host == host.name:
            return replace(host, up=True)
        case MakeSafe() if change.host == host.name:
            return replace(host, unsafe=())
        case MakeChassis() if change.host == host.name:
            return replace(host, no_chassis="")
        case FreeDevices() if change.host == host.name:
            gone = set(change.servers)
            return _devices(host, lambda d: replace(d, claimed_by=None) if d.claimed_by in gone else d)
        case ReleaseDevices() if change.host == host.name:
            ids = set(change.devices)
            return _devices(host, lambda d: replace(d, quarantined=None) if d.id in ids else d)
        case OfferDevices() if change.host == host.name:
            ids = set(change.devices)
            return _devices(host, lambda d: replace(d, offered=True) if d.id in ids else d)
        case JoinAggregate() if change.host == host.name:
            return replace(host, aggregates=(*host.aggregates, change.metadata))
        case AdmitProject() if change.host == host.name:
            return replace(host, projects=host.projects | {change.project})
    return host


def _devices(host: HostState, change: Callable[[DeviceState], DeviceState]) -> HostState:
    return replace(host, devices=tuple(change(state) for state in host.devices))


def _new_host(request: PlacementRequest) -> HostState:
    """An empty host with exactly the resources of a request."""
    states = [_new_device(n, spec) for n, spec in enumerate(_specs(request.pci))]
    cells = tuple(
        NumaCell(n, cell.vcpus, cell.ram_mb, 0, cores=_new_cores(n, cell)) for n, cell in enumerate(request.cells)
    )
    return HostState(
        HostId(_NEW_HOST),
        request.host or _NEW_HOST,
        generation=0,
        revision=0,
        free_vcpus=request.vcpus,
        free_ram_mb=request.ram_mb,
        free_disk_gb=request.disk_gb,
        devices=tuple(states),
        zone=request.zone or ZONE,
        cells=cells,
        kinds=tuple(dict.fromkeys((WholeFunction.kind, *(each.kind for each in request.pci)))),
        aggregates=(metadata_for(request.extra_specs),),
    )


def _new_cores(number: int, cell: GuestCell) -> tuple[tuple[int, ...], ...]:
    """As many cores of two threads as a cell of a guest wants CPUs for itself."""
    first = number * 2 * MOST_CPUS
    return tuple((first + 2 * n, first + 2 * n + 1) for n in range(cell.own_cpus))


def _specs(pci: tuple[PciRequest, ...]) -> list[AliasSpec]:
    return [request.alias.specs[0] for request in pci for _ in range(request.count)]


def _new_device(number: int, spec: AliasSpec) -> DeviceState:
    address = PciAddress(f"{number >> 8:04x}:{number & 0xFF:02x}:00.0")
    device = PciDevice(
        address,
        spec.vendor_id or "0000",
        spec.product_id or "0000",
        spec.example_class,
        spec.device_type or DeviceKind.PCI,
        iommu_group=number,
        numa_node=0,
        switch=_NEW_SWITCH,
    )
    tags = spec.example_tags
    return DeviceState(DeviceId(f"{_NEW_HOST}:{address}"), device, tags=tags)
