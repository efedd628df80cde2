"""Lists by a filter: columns that are equal to its fields, and a page after its marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, Select, Table

from busway.store.database import Tx
from busway.store.paging import SortKey, page_of


class Filter(Protocol):
    """A filter of a list; `marker` is the id of the last row already seen."""

    @property
    def limit(self) -> int | None:
        """Returns how many rows a page has at most, None for all."""

    @property
    def marker(self) -> str | None:
        """Returns the id of the last row already seen, None for the first page."""


def equal(table: Table, wanted: object, *names: str) -> list[ColumnElement[bool]]:
    """Returns the conditions that columns are equal to the fields with the same names; None matches everything."""
    return [table.c[name] == value for name in names if (value := getattr(wanted, name)) is not None]


def read_page(
    tx: Tx, statement: Select[Any], order: Sequence[ColumnElement[Any]], wanted: Filter
) -> Sequence[Row[Any]]:
    """Reads one page in this order, whose last column is the id; raises `BadInput` for an unknown marker."""
    marker = order[-1] == wanted.marker if wanted.marker is not None else None
    keys = [SortKey(column) for column in order]
    return tx.execute(page_of(tx, statement, keys, marker=marker, limit=wanted.limit)).all()
