"""Failed log-ins by user name and client address; the row with an empty name counts all of an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Integer, String, Table, delete, insert, select, update

from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

login_failures = Table(
    "login_failures",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("address", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", UtcTime, nullable=False, index=True),
    Column("succeeded", UtcTime),
)


@dataclass(frozen=True, slots=True)
class Failures:
    """How many log-ins failed in a row, when the last one failed, and when one last succeeded."""

    failures: int
    last: datetime
    succeeded: datetime | None


def find_failures(tx: Tx, name: str, address: str) -> Failures | None:
    """Returns the failures of a name at an address, or None."""
    columns = (login_failures.c.failures, login_failures.c.last, login_failures.c.succeeded)
    row = tx.execute(select(*columns).where(*_key(name, address))).one_or_none()
    return None if row is None else Failures(row.failures, row.last, row.succeeded)


def save_failures(tx: Tx, name: str, address: str, known: Failures) -> None:
    """Stores the failures of a name at an address."""
    values = {"failures": known.failures, "last": known.last, "succeeded": known.succeeded}
    if tx.execute(update(login_failures).where(*_key(name, address)).values(**values)).rowcount == 0:
        tx.execute(insert(login_failures).values(name=name, address=address, **values))


def forget_failures(tx: Tx, before: datetime) -> None:
    """Deletes rows that have not changed since a time."""
    tx.execute(delete(login_failures).where(login_failures.c.last < before))


def forget_all_failures(tx: Tx) -> None:
    """Deletes all rows, so that nobody has to wait."""
    tx.execute(delete(login_failures))


def _key(name: str, address: str) -> tuple[ColumnElement[bool], ...]:
    return login_failures.c.name == name, login_failures.c.address == address
