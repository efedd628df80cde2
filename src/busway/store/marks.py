"""Change marks of the whole cloud: values that differ after any change, and are cheap to read for watchers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from busway.store.claims import claims
from busway.store.conditions import last_change
from busway.store.database import Tx
from busway.store.events import events
from busway.store.hosts import hosts
from busway.store.servers import servers


@dataclass(frozen=True, slots=True)
class Marks:
    """`devices` changes with claims, hosts and events; `conditions` is when conditions changed last.

    `servers` has a mark for each project that has servers.
    """

    devices: tuple[object, ...] = ()
    servers: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    conditions: datetime | None = None


def read_marks(tx: Tx) -> Marks:
    """Reads the present marks."""
    last_event = tx.execute(select(func.max(events.c.id))).scalar()
    revisions = tx.execute(select(func.sum(hosts.c.revision), func.sum(hosts.c.generation), func.count())).one()
    live = tx.execute(select(func.count(), func.max(claims.c.updated)).where(claims.c.state != "freed")).one()
    counted = select(servers.c.project_id, func.count(), func.max(servers.c.updated)).group_by(servers.c.project_id)
    by_project = {str(row[0]): (row[1], row[2]) for row in tx.execute(counted)}
    return Marks((last_event, *revisions, *live), by_project, last_change(tx))
