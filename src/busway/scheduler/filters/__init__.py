"""The filters that look at a host without its devices, by Nova's names, in the order in which they are asked.

A filter is a function of a host and a request that gives None, or in words why the host can't have the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from busway.domain.placement import HostState, PlacementRequest
from busway.scheduler.filters.aggregate import aggregate_extra_specs, image_isolation
from busway.scheduler.filters.capability import compute_capabilities, image_properties
from busway.scheduler.filters.capacity import cores, disk, ram, servers
from busway.scheduler.filters.group import affinity, anti_affinity, different_host, forced_host, same_host
from busway.scheduler.filters.machine import machine
from busway.scheduler.filters.service import availability_zone, compute, device_isolation, overlay, resource_kinds
from busway.scheduler.filters.tenant import ISOLATION, OWN_HOSTS, isolation, own_hosts
from busway.scheduler.filters.trait import traits
from busway.scheduler.mediated import resource_providers
from busway.scheduler.policy import ALWAYS, Policy

Filter = Callable[[HostState, PlacementRequest], str | None]

# Filters that tell hosts apart by their names; all others give equal answers for equal hosts.
BY_NAME: tuple[tuple[str, Filter], ...] = (
    ("ForcedHost", forced_host),
    ("ServerGroupAffinityFilter", affinity),
    ("ServerGroupAntiAffinityFilter", anti_affinity),
    ("SameHostFilter", same_host),
    ("DifferentHostFilter", different_host),
)
OF_CLASS: tuple[tuple[str, Filter], ...] = (
    ("AvailabilityZoneFilter", availability_zone),
    (ISOLATION, isolation),
    (OWN_HOSTS, own_hosts),
    ("ComputeFilter", compute),
    ("ResourceKindFilter", resource_kinds),
    ("MachineFilter", machine),
    ("DeviceIsolationFilter", device_isolation),
    ("OverlayFilter", overlay),
    ("ResourceProviderFilter", resource_providers),
    ("ComputeCapabilitiesFilter", compute_capabilities),
    ("ImagePropertiesFilter", image_properties),
    ("TraitFilter", traits),
    ("AggregateInstanceExtraSpecsFilter", aggregate_extra_specs),
    ("AggregateImagePropertiesIsolation", image_isolation),
    ("RamFilter", ram),
    ("CoreFilter", cores),
    ("DiskFilter", disk),
    ("NumInstancesFilter", servers),
)


def failed(
    filters: tuple[tuple[str, Filter], ...], host: HostState, request: PlacementRequest, policy: Policy
) -> Iterator[tuple[str, str]]:
    """The filters that exclude a host, each with its reason, of those that are on."""
    for name, check in filters:
        if is_on(name, policy):
            reason = check(host, request)
            if reason is not None:
                yield name, reason


def is_on(name: str, policy: Policy) -> bool:
    """True for a filter that is chosen or that nobody can leave out."""
    return name == "ForcedHost" or name in ALWAYS or name in policy.filters
