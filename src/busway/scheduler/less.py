"""Smaller requests that might be placed, for each rule that excluded a host; `busway.scheduler.remedy` tries each."""

from __future__ import annotations

from busway.domain.numa_policy import NumaPolicy
from busway.domain.placement import HostState, PlacementRequest
from busway.domain.placement_change import (
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
)
from busway.scheduler.filters.aggregate import unmet
from busway.scheduler.filters.capability import lacking
from busway.scheduler.shape import Shape

# The request's field, the host's, and the least that a flavor may have of it.
_AMOUNTS = {
    "RamFilter": ("ram_mb", "free_ram_mb", 1),
    "CoreFilter": ("vcpus", "free_vcpus", 1),
    "DiskFilter": ("disk_gb", "free_disk_gb", 0),
}
_MOST_FEWER = 16  # devices below one switch or on one socket
# How much it is to do without a thing whose size has no measure.
_WEIGHTS: dict[type[Change], float] = {
    AskNumaPolicy: 0.2,
    AskApart: 0.3,
    AskNumaCells: 0.4,
    AskSharedCpus: 0.5,
    AskWithoutSpec: 0.5,
    AskAlone: 0.5,
}


def less_for(rule: str, request: PlacementRequest, host: HostState) -> tuple[Change, ...]:
    """The changes of the request that let one host pass a filter; empty if no change does."""
    match rule:
        case "ForcedHost":
            return (AskAnywhere(),)
        case "AvailabilityZoneFilter":
            return (AskAnyZone(request.zone),) if request.zone else ()
        case "ServerGroupAffinityFilter" | "ServerGroupAntiAffinityFilter":
            return (AskAlone(request.group.name),) if request.group else ()
        case "SameHostFilter" | "DifferentHostFilter":
            return ()
        case "AggregateInstanceExtraSpecsFilter":
            return tuple(AskWithoutSpec(key) for key, _ in unmet(host, request.extra_specs))
        case "ComputeCapabilitiesFilter":
            return tuple(AskWithoutSpec(key) for key, _ in lacking(host, request.extra_specs))
    return _smaller(rule, request, host)


def nearer(request: PlacementRequest, shape: Shape) -> list[tuple[Change, ...]]:
    """The ways to fit a guest and its devices on the cells of a host: further devices, other cells, fewer devices."""
    ways: list[tuple[Change, ...]] = []
    if any(each.numa_policy is not NumaPolicy.PREFERRED for each in request.pci):
        ways.append((AskNumaPolicy(NumaPolicy.PREFERRED),))
    most = max(len(shape.cells), 1)
    ways += [(AskNumaCells(count),) for count in (*range(1, most + 1), 0) if count != request.numa_nodes]
    if request.threads is not None:
        ways.append((AskSharedCpus(),))
    if len(request.pci) == 1:
        only = request.pci[0]
        ways += [(AskFewer(0, only.alias.name, count),) for count in range(only.count - 1, 0, -1)]
    return ways


def apart(request: PlacementRequest) -> list[tuple[Change, ...]]:
    """The ways to ask for less than devices that lie together: let them lie apart, or ask for fewer of the only alias."""
    within = next((each.within for each in request.pci if each.within is not None), None)
    if within is None:
        return []
    ways: list[tuple[Change, ...]] = [(AskApart(within),)]
    if len(request.pci) == 1:
        only = request.pci[0]
        most = min(only.count - 1, _MOST_FEWER)
        ways += [(AskFewer(0, only.alias.name, count),) for count in range(most, 0, -1)]
    return ways


def given_up(change: Change, request: PlacementRequest) -> float:
    """How much of a request a change gives up, from 0 to 1."""
    match change:
        case AskLess():
            return 1 - change.amount / float(getattr(request, change.field))
        case AskFewer():
            return 1 - change.count / request.pci[change.index].count
    return _WEIGHTS.get(type(change), 0.0)


def _smaller(rule: str, request: PlacementRequest, host: HostState) -> tuple[Change, ...]:
    if rule not in _AMOUNTS:
        return ()
    field, of_host, least = _AMOUNTS[rule]
    free = getattr(host, of_host)
    return (AskLess(field, free),) if least <= free < getattr(request, field) else ()
