"""Passwords that guests have made and posted, each encrypted for its user's key: nobody else reads it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, String, Table, delete, insert, select

from busway.domain.ids import ServerId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

LONGEST = 1020  # characters: Nova keeps four parts of 255

server_passwords = Table(
    "server_passwords",
    metadata,
    Column("server_id", String(36), primary_key=True),
    Column("password", String(LONGEST), nullable=False),
    Column("posted", UtcTime, nullable=False),
)


def find_password(tx: Tx, server_id: ServerId) -> str:
    """What a guest has posted, "" for nothing."""
    chosen = select(server_passwords.c.password).where(server_passwords.c.server_id == server_id)
    return str(tx.execute(chosen).scalar() or "")


def put_password(tx: Tx, server_id: ServerId, password: str, now: datetime) -> None:
    """Keeps what a guest has posted; it has none yet."""
    tx.execute(insert(server_passwords).values(server_id=server_id, password=password, posted=now))


def clear_password(tx: Tx, server_id: ServerId) -> None:
    """Forgets it: the guest may post another one."""
    tx.execute(delete(server_passwords).where(server_passwords.c.server_id == server_id))
