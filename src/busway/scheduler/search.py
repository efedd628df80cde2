"""Finds the best host and devices for a request, looking at one host of each class of equal hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from operator import itemgetter

from busway.domain.placement import Fit, HostState, PlacementRequest, ServerGroup, Snapshot
from busway.scheduler.allocate import Allocation, allocate
from busway.scheduler.filters import OF_CLASS, Filter, is_on
from busway.scheduler.index import Index, ShapeHosts, index_of
from busway.scheduler.policy import Policy

Found = tuple[HostState, Allocation]
Rank = tuple[int, int, int, float]


def find(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> Found | None:
    """The best host with the places of its devices, or None when no host passes."""
    for index, left_out in _levels(snapshot, request, policy):
        found = _find(index, request, policy, left_out)
        if found is not None:
            return found
    return None


def rank(fit: Fit, policy: Policy) -> Rank:
    """The values by which hosts are compared; the lowest wins."""
    if not fit.nodes:
        return 0, 0, 0, abs(policy.pci_weight) * fit.left_free
    score = policy.fragmentation_weight * fit.broken + policy.pci_weight * fit.left_free
    return fit.nodes, fit.switches, fit.tags, score


def _levels(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> Iterator[tuple[Index, frozenset[str]]]:
    """The hosts that come into question, each with those of them that do not: more than one level for a soft group.

    A soft group goes before all other ranks: its user said more of hosts than the flavor does.
    """
    avoided = request.apart if is_on("DifferentHostFilter", policy) else frozenset()
    only = _only(request, policy)
    everywhere = index_of(snapshot) if only is None else _named(snapshot, only, None)
    for index, left_out in _group_levels(snapshot, everywhere, request.group, only, policy):
        yield index, left_out | avoided


def _only(request: PlacementRequest, policy: Policy) -> frozenset[str] | None:
    """The hosts that the request itself permits, or None for all."""
    near = request.near if is_on("SameHostFilter", policy) else None
    if request.host is None:
        return near
    return frozenset({request.host}) if near is None or request.host in near else frozenset()


def _group_levels(
    snapshot: Snapshot, everywhere: Index, group: ServerGroup | None, only: frozenset[str] | None, policy: Policy
) -> Iterator[tuple[Index, frozenset[str]]]:
    if group is None or not group.members:
        yield everywhere, frozenset()
    elif group.policy.is_soft:
        yield from _soft_levels(snapshot, everywhere, group, only)
    elif group.only_hosts and is_on("ServerGroupAffinityFilter", policy):
        yield _named(snapshot, group.only_hosts, only), frozenset()
    else:
        apart = is_on("ServerGroupAntiAffinityFilter", policy)
        yield everywhere, (group.full_hosts if apart else frozenset())


def _soft_levels(
    snapshot: Snapshot, everywhere: Index, group: ServerGroup, only: frozenset[str] | None
) -> Iterator[tuple[Index, frozenset[str]]]:
    """The hosts with most of the group's servers first, or last; those with none are one level."""
    having: dict[int, set[str]] = {0: set()}
    for host, count in Counter(group.members).items():
        having.setdefault(count, set()).add(host)
    for count in sorted(having, reverse=group.policy.is_together):
        if count:
            yield _named(snapshot, having[count], only), frozenset()
        else:
            yield everywhere, frozenset(group.members)


def _named(snapshot: Snapshot, names: AbstractSet[str], only: frozenset[str] | None) -> Index:
    """An index of those hosts alone, and of `only` some of them where that is not None."""
    index = index_of(snapshot)
    places = [index.find_place(name) for name in sorted(names) if only is None or name in only]
    return Index.of([snapshot.hosts[place] for place in places if place is not None])


def _find(index: Index, request: PlacementRequest, policy: Policy, left_out: frozenset[str]) -> Found | None:
    wish = index.wish(request)
    options: list[tuple[Rank, Allocation, ShapeHosts]] = []
    for entry in index.shapes.values():
        allocation = allocate(entry.shape, wish)
        if allocation is not None:
            options.append((rank(allocation.fit, policy), allocation, entry))
    checks = [check for name, check in OF_CLASS if is_on(name, policy)]
    options.sort(key=itemgetter(0))
    for _, equals in groupby(options, key=itemgetter(0)):
        best: Found | None = None
        for _, allocation, entry in equals:
            host = _first(entry, request, checks, policy, left_out)
            if host is not None and (best is None or _before(host, best[0], policy)):
                best = host, allocation
        if best is not None:
            return best
    return None


def _first(
    entry: ShapeHosts, request: PlacementRequest, checks: Sequence[Filter], policy: Policy, left_out: frozenset[str]
) -> HostState | None:
    """The best host of one shape that passes the filters."""
    best: HostState | None = None
    rams = entry.having(request.ram_mb)
    for ram in reversed(rams) if policy.ram_weight > 0 else rams:
        for _, hosts in entry.by_ram[ram]:
            host = next((each for each in hosts if each.name not in left_out), None) if left_out else hosts.first
            if host is None or any(check(host, request) is not None for check in checks):
                continue
            if best is None or host.name < best.name:
                best = host
        if best is not None and policy.ram_weight:
            return best
    return best


def _before(host: HostState, other: HostState, policy: Policy) -> bool:
    sign = (policy.ram_weight < 0) - (policy.ram_weight > 0)
    return (sign * host.free_ram_mb, host.name) < (sign * other.free_ram_mb, other.name)
