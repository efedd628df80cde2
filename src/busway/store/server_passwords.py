"""Passwords that guests have posted, each encrypted with its user's key, so that nobody else can read it."""

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
    """Returns the encrypted password of a guest, "" for none."""
    chosen = select(server_passwords.c.password).where(server_passwords.c.server_id == server_id)
    return str(tx.execute(chosen).scalar() or "")


def put_password(tx: Tx, server_id: ServerId, password: str, now: datetime) -> None:
    """Stores the encrypted password of a guest that has none."""
    tx.execute(insert(server_passwords).values(server_id=server_id, password=password, posted=now))


def clear_password(tx: Tx, server_id: ServerId) -> None:
    """Deletes the password, so that the guest can post another one."""
    tx.execute(delete(server_passwords).where(server_passwords.c.server_id == server_id))
