"""Translates errors of the database that a caller can act on; all others are failures of Busway."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from busway.domain.errors import BadInput, BuswayError, Conflict, Raced, StorageFull

_UNIQUE, _DISK_FULL = "23505", "53100"  # SQLSTATEs of PostgreSQL
_LOST = ("40P01", "40001")  # a deadlock, and a transaction that can't be put in an order with the others


@contextmanager
def translated() -> Iterator[None]:
    """Replaces errors of the database within the block by `BadInput`, `Conflict`, `Raced` or `StorageFull` where they mean that."""
    try:
        yield
    except DBAPIError as error:
        meant = _meant(error)
        if meant is None:
            raise
        raise meant from error


def _meant(error: DBAPIError) -> BuswayError | None:
    """Returns the error for the caller, or None. The API checks values and names before, so this can't name the field."""
    if isinstance(error, DataError):
        return BadInput(
            "A value of the request does not fit into the database",
            detail="A text is too long, or a number is too large.",
            code="value-unfit",
        )
    if isinstance(error, IntegrityError) and _is_unique(error.orig):
        return Conflict("Another object has that name or id", remedy="Choose another.", code="taken")
    if getattr(error.orig, "sqlstate", None) in _LOST:
        return Raced(
            "Another request changed the same objects at the same time",
            detail="Nothing of this request was stored.",
            remedy="Try again.",
            code="database-raced",
        )
    if isinstance(error, OperationalError) and _is_full(error.orig):
        return StorageFull(
            "The database's disk is full",
            detail="Nothing of the request was stored.",
            remedy="The operator must free space on the control plane's disk.",
            code="database-full",
        )
    return None


def _is_unique(error: object) -> bool:
    codes = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return getattr(error, "sqlite_errorcode", None) in codes or getattr(error, "sqlstate", None) == _UNIQUE


def _is_full(error: object) -> bool:
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return full or getattr(error, "sqlstate", None) == _DISK_FULL
