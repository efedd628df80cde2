"""The times that servers existed, for Nova's usage reports, read from the servers' own rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import or_, select, tuple_

from busway.domain.flavor import Flavor
from busway.domain.server import ServerStatus
from busway.store.database import Tx
from busway.store.servers import servers


@dataclass(frozen=True, slots=True)
class Life:
    """A server from its first start on; `terminated` is None until it is deleted."""

    id: str
    name: str
    project_id: str
    flavor: Flavor
    status: ServerStatus
    launched: datetime
    terminated: datetime | None

    def hours(self, start: datetime, end: datetime) -> float:
        """Returns how many hours of its life lie between two times."""
        last = end if self.terminated is None else min(self.terminated, end)
        return max((last - max(self.launched, start)).total_seconds(), 0.0) / 3600


def list_lives(
    tx: Tx,
    start: datetime,
    end: datetime,
    project_id: str | None,
    *,
    limit: int | None = None,
    after: tuple[str, str] | None = None,
) -> list[Life]:
    """Lists the servers that existed between two times, by project and id as Nova pages them; `after` is the last one's place."""
    wanted = (servers.c.id, servers.c.name, servers.c.project_id, servers.c.flavor, servers.c.status)
    statement = select(*wanted, servers.c.launched, servers.c.terminated).where(
        servers.c.launched < end, or_(servers.c.terminated.is_(None), servers.c.terminated > start)
    )
    if project_id is not None:
        statement = statement.where(servers.c.project_id == project_id)
    if after is not None:
        statement = statement.where(tuple_(servers.c.project_id, servers.c.id) > tuple_(*after))
    rows = tx.execute(statement.order_by(servers.c.project_id, servers.c.id).limit(limit))
    return [
        Life(
            row.id,
            row.name,
            row.project_id,
            msgspec.convert(row.flavor, Flavor),
            ServerStatus(row.status),
            row.launched,
            row.terminated,
        )
        for row in rows
    ]


def find_place(tx: Tx, server_id: str) -> tuple[str, str] | None:
    """Returns the place of a server in that order: its project and id."""
    row = tx.execute(select(servers.c.project_id, servers.c.id).where(servers.c.id == server_id)).one_or_none()
    return None if row is None else (row.project_id, row.id)
