"""The filters that compare the metadata of a host's aggregates: with the flavor, and with the image.

AggregateInstanceExtraSpecsFilter asks for what the flavor requires; AggregateImagePropertiesIsolation keeps images away that say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.placement import HostState, Pairs, PlacementRequest
from busway.scheduler.filters.spec_match import spec_matches

_SCOPE = "aggregate_instance_extra_specs"


def aggregate_extra_specs(host: HostState, request: PlacementRequest) -> str | None:
    """Each extra spec of the scope `aggregate_instance_extra_specs` is met by the metadata of some aggregate of the host.

    Nova also takes extra specs without any scope for this filter and for ComputeCapabilitiesFilter at once, so that one
    of the two refuses; here they ask for nothing.
    """
    for name, wanted in _asked(request.extra_specs):
        found = _values(host, name)
        if not any(spec_matches(value, wanted) for value in found):
            return f"{name} is {' or '.join(found) or 'not set'} in its aggregates, and {wanted} was asked for"
    return None


def image_isolation(host: HostState, request: PlacementRequest) -> str | None:
    """No property of the image has another value than the metadata of the same name; what either does not say is no matter."""
    if not host.aggregates:
        return None
    known = {name for metadata in host.aggregates for name, _ in metadata}
    for name, value in request.image_properties:
        if name in known and value not in (found := _values(host, name)):
            return f"{name} is {' or '.join(found)} in its aggregates, and the image's is {value}"
    return None


def unmet(host: HostState, extra_specs: Pairs) -> Pairs:
    """The extra specs of aggregates that a host does not meet."""
    return tuple(
        (f"{_SCOPE}:{name}", wanted)
        for name, wanted in _asked(extra_specs)
        if not any(spec_matches(value, wanted) for value in _values(host, name))
    )


def metadata_for(extra_specs: Pairs) -> Pairs:
    """Metadata that an aggregate needs for these extra specs: the last word of each, the operand of most operators."""
    return tuple((name, (wanted.split() or [""])[-1]) for name, wanted in _asked(extra_specs))


def _asked(extra_specs: Pairs) -> Iterator[tuple[str, str]]:
    for key, wanted in extra_specs:
        scope, _, name = key.partition(":")
        if scope == _SCOPE:
            yield name, wanted


def _values(host: HostState, name: str) -> list[str]:
    values = [value for metadata in host.aggregates for known, value in metadata if known == name]
    return [part.strip() for value in values for part in value.split(",")]
