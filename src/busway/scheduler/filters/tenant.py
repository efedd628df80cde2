"""Whose servers a host takes: AggregateMultiTenancyIsolation, and TenantAggregateFilter, which is a pre-filter of Nova's.

Both read `filter_tenant_id` in the metadata of aggregates, and ask for opposite things: the first keeps others away from
the hosts of some projects, the second keeps these projects away from other hosts.
"""

from __future__ import annotations

from busway.domain.placement import HostState, PlacementRequest

ISOLATION, OWN_HOSTS = "AggregateMultiTenancyIsolation", "TenantAggregateFilter"


def isolation(host: HostState, request: PlacementRequest) -> str | None:
    """A host whose aggregates name projects takes their servers only; the answer names none of them, for any user may read it."""
    if not host.projects or request.project is None or request.project in host.projects:
        return None
    return "it takes servers of the projects that its aggregates name only (filter_tenant_id), and not of this one"


def own_hosts(host: HostState, request: PlacementRequest) -> str | None:
    """With `limit_tenants_to_placement_aggregate`, a project that aggregates name gets hosts of these only."""
    project = request.project
    if project is None or project in host.projects:
        return None
    if host.elsewhere is None:
        return "none of its aggregates names the project (filter_tenant_id), and each project needs one"
    if project in host.elsewhere:
        return "none of its aggregates names the project (filter_tenant_id), and others do"
    return None
