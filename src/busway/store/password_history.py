"""The hashes of users' earlier passwords, as many as the rules remember."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer, String, Table, delete, insert, select

from busway.domain.ids import UserId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

password_history = Table(
    "password_history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("password_hash", String(255), nullable=False),
    Column("replaced", UtcTime, nullable=False),
)


def remember(tx: Tx, user_id: UserId, password_hash: str, now: datetime, kept: int) -> None:
    """Adds the hash of a password that is being replaced, and deletes all but the last `kept`."""
    if kept > 0:
        tx.execute(insert(password_history).values(user_id=user_id, password_hash=password_hash, replaced=now))
    theirs = password_history.c.user_id == user_id
    statement = select(password_history.c.id).where(theirs).order_by(password_history.c.id.desc())
    old = list(tx.execute(statement.offset(kept)).scalars())
    if old:
        tx.execute(delete(password_history).where(password_history.c.id.in_(old)))


def list_former(tx: Tx, user_id: UserId, count: int) -> list[str]:
    """Lists the hashes of a user's earlier passwords, newest first."""
    theirs = select(password_history.c.password_hash).where(password_history.c.user_id == user_id)
    return list(tx.execute(theirs.order_by(password_history.c.id.desc()).limit(count)).scalars())
