"""ComputeFilter, ResourceKindFilter, DeviceIsolationFilter, OverlayFilter and AvailabilityZoneFilter: whether a host accepts servers of this kind, and its zone."""

from __future__ import annotations

from busway.domain.host_facts import ISOLATION
from busway.domain.placement import HostState, PlacementRequest


def compute(host: HostState, _request: PlacementRequest) -> str | None:
    """The host is enabled and its agent reports."""
    if not host.enabled:
        return "it is disabled by its operator"
    if not host.up:
        return host.down_reason or "its agent does not report"
    return None


def availability_zone(host: HostState, request: PlacementRequest) -> str | None:
    """The host is in the zone that the request names."""
    if request.zone in (None, host.zone):
        return None
    return f"it is in zone {host.zone}, and {request.zone} was asked for"


def resource_kinds(host: HostState, request: PlacementRequest) -> str | None:
    """The host's agent can serve each kind of resource that is asked for."""
    wanted = dict.fromkeys([*(each.kind for each in request.pci), *(each.kind for each in request.resources.groups)])
    lacking = next((kind for kind in wanted if kind not in host.kinds), None)
    return None if lacking is None else f"its agent can't serve resources of the kind {lacking}"


def device_isolation(host: HostState, request: PlacementRequest) -> str | None:
    """The host isolates its devices, or its operator has accepted that it does not."""
    if not (request.pci or request.resources.groups) or not host.unsafe:
        return None
    return "; ".join(ISOLATION.get(word, (f"it reports {word}", ""))[0] for word in host.unsafe)


def overlay(host: HostState, request: PlacementRequest) -> str | None:
    """The host is a chassis of OVN, or the server has no port on a network of type geneve."""
    return f"it is no chassis of OVN: {host.no_chassis}" if request.overlay and host.no_chassis else None
