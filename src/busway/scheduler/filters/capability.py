"""ComputeCapabilitiesFilter and ImagePropertiesFilter: what a host reports that it can do and run."""

from __future__ import annotations

from busway.domain.host_facts import GuestKind
from busway.domain.placement import HostState, Pairs, PlacementRequest
from busway.scheduler.filters.spec_match import spec_matches

_SCOPE = "capabilities"
# The image's property, and names that older images have it under.
_PROPERTIES = {
    "architecture": ("hw_architecture", "architecture"),
    "hypervisor": ("img_hv_type", "hypervisor_type"),
    "mode": ("hw_vm_mode", "vm_mode"),
}


def compute_capabilities(host: HostState, request: PlacementRequest) -> str | None:
    """Each extra spec of the scope `capabilities` is met by what the host reports; one that reports nothing passes."""
    for key, wanted in lacking(host, request.extra_specs):
        name = key.partition(":")[2]
        return f"{name} is {dict(host.capabilities or ()).get(name, 'not reported')}, and {wanted} was asked for"
    return None


def lacking(host: HostState, extra_specs: Pairs) -> Pairs:
    """The extra specs of capabilities that a host does not meet."""
    if host.capabilities is None:
        return ()
    known = dict(host.capabilities)
    asked = [(key, wanted, *key.partition(":")[::2]) for key, wanted in extra_specs]
    return tuple(
        (key, wanted)
        for key, wanted, scope, name in asked
        if scope == _SCOPE and not spec_matches(known.get(name), wanted)
    )


def image_properties(host: HostState, request: PlacementRequest) -> str | None:
    """The host runs guests of the image's architecture, hypervisor and mode; one that does not tell passes."""
    if host.guests is None:
        return None
    properties = dict(request.image_properties)
    wanted = {
        what: value.lower()
        for what, names in _PROPERTIES.items()
        if (value := next((properties[name] for name in names if properties.get(name)), None)) is not None
    }
    if not wanted or any(_is_of(guest, wanted) for guest in host.guests):
        return None
    return f"it does not run guests of {', '.join(f'{what} {value}' for what, value in wanted.items())}"


def _is_of(guest: GuestKind, wanted: dict[str, str]) -> bool:
    return all(getattr(guest, what).lower() == value for what, value in wanted.items())
