"""Metadata definitions: what properties of images, flavors and other resources mean, in namespaces, as forms show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

RESOURCE_TYPES = ("OS::Glance::Image", "OS::Nova::Aggregate", "OS::Nova::Flavor", "OS::Nova::Server")
MOST_NAMESPACES, MOST_PARTS, MOST_BYTES = 1000, 512, 1_000_000


class PartKind(StrEnum):
    """What a namespace is made of; each has a name of its own within its kind."""

    PROPERTIES = "properties"
    OBJECTS = "objects"
    TAGS = "tags"
    RESOURCE_TYPES = "resource_types"

    @property
    def one(self) -> str:
        """One of the kind, as errors name it."""
        return {"properties": "property", "objects": "object", "tags": "tag"}.get(self, "resource type association")


Parts = Mapping[PartKind, Mapping[str, Mapping[str, Any]]]
NO_PARTS: Parts = {kind: {} for kind in PartKind}


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; `parts` has its definitions by kind and name, as JSON.

    One that `is_built_in` comes with Busway, follows from its code, and is never changed.
    """

    name: str
    owner: str
    created: datetime
    updated: datetime
    display_name: str | None = None
    description: str | None = None
    visibility: str = "private"
    protected: bool = False
    parts: Parts = field(default_factory=lambda: NO_PARTS)
    is_built_in: bool = False

    def part(self, kind: PartKind, name: str) -> Mapping[str, Any] | None:
        """One of its parts, or None."""
        return self.parts[kind].get(name)
