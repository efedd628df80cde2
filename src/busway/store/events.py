"""Events: each change of a device, server or host with its time and reason; append-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, Row, String, Table, Text, select

from busway.domain.ids import DeviceId, HostId, ServerId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.together import put

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("subject", String(16), nullable=False),
    Column("old", String(32)),
    Column("new", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("host_id", String(36), index=True),
    Column("device_id", String(36), index=True),
    Column("server_id", String(36), index=True),
)


@dataclass(frozen=True, slots=True)
class Event:
    """One change: `subject` ("device", "server", "host") went from `old` to `new` because of `reason`."""

    at: datetime
    subject: str
    old: str | None
    new: str
    reason: str
    host_id: HostId | None = None
    device_id: DeviceId | None = None
    server_id: ServerId | None = None
    id: int = 0


def add_event(tx: Tx, event: Event) -> None:
    """Adds an event, in the transaction of the change."""
    add_events(tx, [event])


def add_events(tx: Tx, several: Sequence[Event]) -> None:
    """Adds many events."""
    names = [name for name in Event.__dataclass_fields__ if name != "id"]
    put(tx, events, [{name: getattr(event, name) for name in names} for event in several])


def list_events(
    tx: Tx,
    *,
    host_id: HostId | None = None,
    device_id: DeviceId | None = None,
    server_id: ServerId | None = None,
    limit: int = 200,
    before: int | None = None,
) -> list[Event]:
    """Lists the last events, or the last before an id, in order of time; of all, or of a host, device or server."""
    statement = select(events).order_by(events.c.id.desc()).limit(limit)
    for column, value in (
        (events.c.host_id, host_id),
        (events.c.device_id, device_id),
        (events.c.server_id, server_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        statement = statement.where(events.c.id < before)
    return [_event(row) for row in reversed(tx.execute(statement).all())]


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(**row._mapping)
