"""An aggregate: a named set of hosts with metadata. One with `availability_zone` puts its hosts into that zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from busway.domain.ids import HostId

ZONE_KEY = "availability_zone"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate with its hosts by name."""

    id: int
    uuid: str
    name: str
    metadata: Mapping[str, str]
    created: datetime
    updated: datetime | None = None
    hosts: tuple[tuple[HostId, str], ...] = field(default=())

    @property
    def zone(self) -> str | None:
        """The availability zone of its hosts, None where it names none."""
        return self.metadata.get(ZONE_KEY)
