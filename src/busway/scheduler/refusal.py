"""Why no host can take a server: hosts grouped by their reason, and the host that lacked the least."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from busway.domain.placement import HostState, NearestMiss, PlacementRequest, RefusedHosts, Snapshot
from busway.scheduler.allocate import Wish, allocate
from busway.scheduler.filters import BY_NAME, OF_CLASS, failed
from busway.scheduler.index import Index, index_of
from busway.scheduler.pci import Shortage, examples, shortage
from busway.scheduler.policy import Policy
from busway.scheduler.shape import Shape


@dataclass(frozen=True, slots=True)
class Gap:
    """Everything that excludes equal hosts: the filters that they fail, and the devices that they lack."""

    hosts: tuple[HostState, ...]
    shape: Shape
    filters: tuple[tuple[str, str], ...]
    shortage: Shortage | None

    @property
    def size(self) -> tuple[int, int, str]:
        """How far from a fit, the least first: rules, devices, then the name."""
        missing = self.shortage.missing if self.shortage else 0
        return len(self.filters) + (self.shortage is not None), missing, self.hosts[0].name

    @property
    def first(self) -> tuple[str, str]:
        """The rule to report, with its reason: a filter comes before the devices."""
        if self.filters:
            return self.filters[0]
        assert self.shortage is not None
        return self.shortage.rule, self.shortage.reason


def gaps(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> list[Gap]:
    """The gaps of all hosts for a request that none can take, the nearest first."""
    return sorted(_gaps(snapshot, index_of(snapshot), request, policy), key=lambda gap: gap.size)


def grouped(found: list[Gap], wish: Wish) -> tuple[RefusedHosts, ...]:
    """The excluded hosts, grouped by rule and reason; within a group by name."""
    groups: dict[tuple[str, str], list[Gap]] = {}
    for gap in found:
        groups.setdefault(gap.first, []).append(gap)
    made = []
    for (rule, reason), alike in groups.items():
        hosts = tuple(sorted((host for gap in alike for host in gap.hosts), key=lambda host: host.name))
        lack = alike[0].shortage if not alike[0].filters else None
        if lack is None:
            made.append(RefusedHosts(hosts, rule, reason))
        else:
            shape = next(gap.shape for gap in alike if hosts[0] in gap.hosts)
            made.append(RefusedHosts(hosts, rule, reason, dict(lack.devices), examples(hosts[0], shape, wish)))
    return tuple(sorted(made, key=lambda each: each.hosts[0].name))


def nearest(found: list[Gap]) -> NearestMiss | None:
    """The first of the gaps in words."""
    if not found:
        return None
    gap = found[0]
    failures = [*gap.filters, *([(gap.shortage.rule, gap.shortage.reason)] if gap.shortage else [])]
    return NearestMiss(gap.hosts[0].name, tuple(rule for rule, _ in failures), tuple(why for _, why in failures))


def _gaps(snapshot: Snapshot, index: Index, request: PlacementRequest, policy: Policy) -> Iterator[Gap]:
    wish = index.wish(request)
    named = _by_name(snapshot, request, policy)
    for entry in index.shapes.values():
        fits = allocate(entry.shape, wish) is not None
        for each in entry.classes():
            for by_name, hosts in _split(each.hosts, named):
                filters = (*by_name, *failed(OF_CLASS, hosts[0], request, policy))
                lack = None if fits else shortage(hosts[0], entry.shape, wish)
                yield Gap(hosts, entry.shape, filters, lack)


def _by_name(snapshot: Snapshot, request: PlacementRequest, policy: Policy) -> dict[str, tuple[tuple[str, str], ...]]:
    """The hosts that are excluded by their names, each with the rules and reasons."""
    if request.host is None and request.group is None and request.near is None and not request.apart:
        return {}
    found = {host.name: tuple(failed(BY_NAME, host, request, policy)) for host in snapshot.hosts}
    return {name: failures for name, failures in found.items() if failures}


def _split(
    hosts: Iterable[HostState], named: dict[str, tuple[tuple[str, str], ...]]
) -> Iterator[tuple[tuple[tuple[str, str], ...], tuple[HostState, ...]]]:
    if not named:
        yield (), tuple(hosts)
        return
    groups: dict[tuple[tuple[str, str], ...], list[HostState]] = {}
    for host in hosts:
        groups.setdefault(named.get(host.name, ()), []).append(host)
    for failures, alike in groups.items():
        yield failures, tuple(alike)
