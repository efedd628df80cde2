"""The end of the serial console output of each guest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, String, Table, Text, insert, select, update

from busway.domain.ids import ServerId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

consoles = Table(
    "consoles",
    metadata,
    Column("server_id", String(36), primary_key=True),
    Column("text", Text, nullable=False),
    Column("updated", UtcTime, nullable=False),
)


def put_console(tx: Tx, server_id: ServerId, content: str, now: datetime) -> None:
    """Stores the end of a guest's console output."""
    changed = tx.execute(update(consoles).where(consoles.c.server_id == server_id).values(text=content, updated=now))
    if changed.rowcount == 0:
        tx.execute(insert(consoles).values(server_id=server_id, text=content, updated=now))


def get_console(tx: Tx, server_id: ServerId) -> str:
    """Returns the end of a guest's console output, "" if there is none."""
    return str(tx.execute(select(consoles.c.text).where(consoles.c.server_id == server_id)).scalar() or "")


def drop_consoles(tx: Tx, server_ids: Iterable[ServerId]) -> None:
    """Deletes the console output of deleted servers."""
    tx.execute(consoles.delete().where(consoles.c.server_id.in_(list(server_ids))))
