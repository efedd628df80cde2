"""Lists by a filter: columns that are equal to its fields or like them, and a page after its marker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, Select, Table

from busway.store.database import Tx
from busway.store.paging import SortKey, narrowed, page_of


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


@dataclass(frozen=True, slots=True)
class Likeness:
    """A text that a column contains, or that it begins or ends with; `any_case` says that capital letters are like small ones."""

    text: str
    begins: bool = False
    ends: bool = False
    any_case: bool = False


def alike(tx: Tx, column: ColumnElement[str], wanted: Sequence[Likeness]) -> list[ColumnElement[bool]]:
    """Returns the conditions that a column is like all of these; which letters have a case, the database says: SQLite knows ASCII's."""
    return [_alike(tx, column, each) for each in wanted]


def _alike(tx: Tx, column: ColumnElement[str], wanted: Likeness) -> ColumnElement[bool]:
    pattern = ("^" if wanted.begins else "") + re.escape(wanted.text) + ("$" if wanted.ends else "")
    condition, exact = narrowed(tx, column, pattern, any_case=wanted.any_case)
    assert exact, "a text without signs of a regular expression is one LIKE"
    return condition


def read_page(
    tx: Tx, statement: Select[Any], order: Sequence[ColumnElement[Any]], wanted: Filter
) -> Sequence[Row[Any]]:
    """Reads one page in this order, whose last column is the id; raises `BadInput` for an unknown marker."""
    marker = order[-1] == wanted.marker if wanted.marker is not None else None
    keys = [SortKey(column) for column in order]
    return tx.execute(page_of(tx, statement, keys, marker=marker, limit=wanted.limit)).all()
