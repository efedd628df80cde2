"""TraitFilter: whether the host has the traits that a flavor requires, and none that it forbids."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.placement import HostState, Pairs, PlacementRequest

_SCOPE = "trait"
REQUIRED, FORBIDDEN = "required", "forbidden"


def traits(host: HostState, request: PlacementRequest) -> str | None:
    """Each extra spec `trait:NAME=required` names a trait of the host, each `trait:NAME=forbidden` one that it lacks."""
    lacking = sorted(name for name in wanted(request.extra_specs, REQUIRED) if name not in host.traits)
    if lacking:
        return f"it has no trait {', '.join(lacking)}"
    unwanted = sorted(name for name in wanted(request.extra_specs, FORBIDDEN) if name in host.traits)
    return f"it has the trait {', '.join(unwanted)}, which the flavor forbids" if unwanted else None


def wanted(extra_specs: Pairs, word: str) -> Iterator[str]:
    """The traits that extra specs require, or forbid."""
    for key, value in extra_specs:
        scope, _, name = key.partition(":")
        if scope == _SCOPE and value == word:
            yield name
