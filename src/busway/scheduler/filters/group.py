"""Filters by the name of a host: one that is forced, the affinity and anti-affinity of server groups, and the hints same_host and different_host."""

from __future__ import annotations

from busway.domain.placement import HostState, PlacementRequest


def forced_host(host: HostState, request: PlacementRequest) -> str | None:
    """The host is the one that the request names."""
    if request.host in (None, host.name):
        return None
    return f"the request names host {request.host}"


def affinity(host: HostState, request: PlacementRequest) -> str | None:
    """The host has a server of the group already, or the group has none yet."""
    group = request.group
    if group is None or not group.only_hosts or host.name in group.only_hosts:
        return None
    return f"group {group.name} keeps its servers together, on {', '.join(sorted(group.only_hosts))}"


def anti_affinity(host: HostState, request: PlacementRequest) -> str | None:
    """The host has no server of the group yet, or fewer than the group allows."""
    group = request.group
    if group is None or host.name not in group.full_hosts:
        return None
    if group.max_per_host == 1:
        return f"group {group.name} keeps its servers apart, and one is here"
    return f"group {group.name} keeps at most {group.max_per_host} of its servers on one host, and so many are here"


def same_host(host: HostState, request: PlacementRequest) -> str | None:
    """The host has one of the servers that the hint same_host names."""
    if request.near is None or host.name in request.near:
        return None
    return f"the hint same_host names servers on {', '.join(sorted(request.near)) or 'no host'}"


def different_host(host: HostState, request: PlacementRequest) -> str | None:
    """The host has none of the servers that the hint different_host names."""
    return "the hint different_host names a server that is here" if host.name in request.apart else None
