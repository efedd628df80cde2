"""The last reported conditions of each host: the links of its devices, and the findings of its doctor."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Column, ForeignKey, Table, delete, func, insert, select, update

from busway.domain.condition import Conditions
from busway.domain.ids import HostId
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata

conditions = Table(
    "conditions",
    metadata,
    Column("host_id", ForeignKey("hosts.id"), primary_key=True),
    Column("document", Json, nullable=False),
    Column("changed", UtcTime, nullable=False, index=True),
)

_MANY = 200  # hosts asked for by their ids; for more of them all are read


def put_conditions(tx: Tx, host_id: HostId, document: Conditions, now: datetime) -> None:
    """Stores the conditions that a host has reported."""
    values = {"document": msgspec.to_builtins(document), "changed": now}
    changed = tx.execute(update(conditions).where(conditions.c.host_id == host_id).values(**values))
    if changed.rowcount == 0:
        tx.execute(insert(conditions).values(host_id=host_id, **values))


def conditions_of(tx: Tx, host_ids: Collection[HostId]) -> dict[HostId, Conditions]:
    """Returns the last conditions of these hosts; hosts without a report are omitted."""
    statement = select(conditions.c.host_id, conditions.c.document)
    if len(host_ids) <= _MANY:
        statement = statement.where(conditions.c.host_id.in_(host_ids))
    wanted = set(host_ids)
    return {
        HostId(row.host_id): msgspec.convert(row.document, Conditions)
        for row in tx.execute(statement)
        if row.host_id in wanted
    }


def last_change(tx: Tx) -> datetime | None:
    """Returns when conditions changed last, None for never."""
    found: datetime | None = tx.execute(select(func.max(conditions.c.changed))).scalar()
    return found


def changed_since(tx: Tx, since: datetime) -> list[HostId]:
    """Lists the hosts whose conditions have changed since then."""
    statement = select(conditions.c.host_id).where(conditions.c.changed >= since)
    return [HostId(row.host_id) for row in tx.execute(statement)]


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Deletes the conditions of a host."""
    tx.execute(delete(conditions).where(conditions.c.host_id == host_id))
