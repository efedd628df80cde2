"""TraitFilter: whether the host has the traits that flavor and image require, and none that they forbid."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.placement import HostState, Pairs, PlacementRequest

_SCOPE = "trait"
REQUIRED, FORBIDDEN = "required", "forbidden"


def traits(host: HostState, request: PlacementRequest) -> str | None:
    """Each extra spec or property `trait:NAME=required` names a trait of the host, each `trait:NAME=forbidden` one that it lacks."""
    asked = (*request.extra_specs, *request.image_properties)
    lacking = sorted({name for name in wanted(asked, REQUIRED) if name not in host.traits})
    if lacking:
        return f"it has no trait {', '.join(lacking)}"
    unwanted = sorted({name for name in wanted(asked, FORBIDDEN) if name in host.traits})
    return f"it has the trait {', '.join(unwanted)}, which the flavor or image forbids" if unwanted else None


def wanted(extra_specs: Pairs, word: str) -> Iterator[str]:
    """The traits that extra specs or properties require, or forbid."""
    for key, value in extra_specs:
        scope, _, name = key.partition(":")
        if scope == _SCOPE and value == word:
            yield name
