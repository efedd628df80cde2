"""Join tokens: secrets with which hosts join, until when, and whether they have. A host has one at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, delete, insert, select, update

from busway.domain.ids import HostId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

join_tokens = Table(
    "join_tokens",
    metadata,
    Column("host_id", ForeignKey("hosts.id"), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("expires", UtcTime, nullable=False),
    Column("used", UtcTime),
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A join token as stored; `used` is when a host joined with it, or None."""

    host_id: HostId
    secret_hash: str
    expires: datetime
    used: datetime | None


def put_invitation(tx: Tx, host_id: HostId, secret_hash: str, expires: datetime) -> None:
    """Stores the join token of a host; replaces an earlier one."""
    forget_host(tx, host_id)
    tx.execute(insert(join_tokens).values(host_id=host_id, secret_hash=secret_hash, expires=expires))


def find_invitation(tx: Tx, secret_hash: str) -> Invitation | None:
    """Returns the join token with this hash, or None."""
    row = tx.execute(select(join_tokens).where(join_tokens.c.secret_hash == secret_hash)).one_or_none()
    return Invitation(**row._mapping) if row else None


def use_invitation(tx: Tx, secret_hash: str, now: datetime) -> bool:
    """Marks a join token as used; returns False if it was used meanwhile."""
    free = join_tokens.c.used.is_(None)
    statement = update(join_tokens).where(join_tokens.c.secret_hash == secret_hash, free).values(used=now)
    return tx.execute(statement).rowcount == 1


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Deletes the join token of a host."""
    tx.execute(delete(join_tokens).where(join_tokens.c.host_id == host_id))
