"""AggregateInstanceExtraSpecsFilter: whether the host's aggregates have what the flavor asks of them."""

from __future__ import annotations

from busway.domain.placement import HostState, PlacementRequest
from busway.scheduler.filters.spec_match import spec_matches

_SCOPE = "aggregate_instance_extra_specs"


def aggregate_extra_specs(host: HostState, request: PlacementRequest) -> str | None:
    """Each extra spec of the scope `aggregate_instance_extra_specs` is met by the metadata of some aggregate of the host.

    Nova also takes extra specs without any scope for this filter and for ComputeCapabilitiesFilter at once, so that one
    of the two refuses; here they ask for nothing.
    """
    for key, wanted in request.extra_specs:
        scope, _, name = key.partition(":")
        if scope != _SCOPE:
            continue
        values = [value for metadata in host.aggregates for known, value in metadata if known == name]
        found = [part.strip() for value in values for part in value.split(",")]
        if not any(spec_matches(value, wanted) for value in found):
            return f"{name} is {' or '.join(found) or 'not set'} in its aggregates, and {wanted} was asked for"
    return None
