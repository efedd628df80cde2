"""Rows that a transaction adds at its end, all in one statement where the database can: a round trip instead of one for each table.

Within `gathered(tx)` a call of `put` keeps its rows, and `settle` writes all that is kept; elsewhere `put` writes at once.
PostgreSQL takes rows of several tables in one statement, as parts of a WITH; foreign keys between them are looked at when it ends.
SQLite, which is a library in this process, takes one statement for each table, in the order in which the tables were first used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, TextClause, bindparam, insert, text
from sqlalchemy.dialects import postgresql

WRITES = (
    "busway_writes"  # the execution option of a statement in text: the rows that it adds, by the names of their tables
)
_KEY = "busway_rows_to_add"
_MOST_VALUES = 30_000  # PostgreSQL takes 65,535 in one statement
_preparer = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]

Rows = list[Mapping[str, Any]]
Kept = dict[tuple[Table, tuple[str, ...]], Rows]
# A table, the columns that are given, and the number of rows.
Shape = tuple[tuple[Table, tuple[str, ...], int], ...]


@contextmanager
def gathered(tx: Connection) -> Iterator[None]:
    """Keeps rows within the block until `settle`; what is left is forgotten with a transaction that fails."""
    tx.info[_KEY] = {}
    try:
        yield
    finally:
        tx.info.pop(_KEY, None)


def put(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows that have the same columns, at once or with others."""
    if not rows:
        return
    waiting: Kept | None = tx.info.get(_KEY)
    if waiting is None:
        tx.execute(insert(table), list(rows))
    else:
        waiting.setdefault((table, tuple(rows[0])), []).extend(rows)


def kept(tx: Connection) -> dict[str, Rows]:
    """The rows that are kept, by the names of their tables."""
    return _by_table(tx.info.get(_KEY) or {})


def settle(tx: Connection, *tables: Table) -> None:
    """Writes what is kept, if rows of one of the tables are; without tables in any case. A reader of a table calls it first."""
    waiting: Kept | None = tx.info.get(_KEY)
    if not waiting or (tables and not any(table in tables for table, _ in waiting)):
        return
    values = sum(len(names) * len(rows) for (_, names), rows in waiting.items())
    if tx.dialect.name == "sqlite" or len(waiting) == 1 or values > _MOST_VALUES:
        for (table, _), rows in waiting.items():
            tx.execute(insert(table), rows)
    else:
        _add_all(tx, waiting)
    waiting.clear()


def _by_table(several: Kept) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for (table, _), rows in several.items():
        found.setdefault(table.name, []).extend(rows)
    return found


def _add_all(tx: Connection, several: Kept) -> None:
    whole = {key: [{**_defaults(key[0]), **row} for row in rows] for key, rows in several.items()}
    shape = tuple((table, tuple(rows[0]), len(rows)) for (table, _), rows in whole.items())
    given = {
        _name(part, number, name): value
        for part, rows in enumerate(whole.values())
        for number, row in enumerate(rows)
        for name, value in row.items()
    }
    tx.execute(_statement(shape), given, execution_options={WRITES: _by_table(several)})


def _defaults(table: Table) -> dict[str, Any]:
    """What SQLAlchemy itself would give columns that a row leaves out."""
    return {
        column.name: column.default.arg  # type: ignore[attr-defined]
        for column in table.columns
        if column.default is not None and column.default.is_scalar
    }


@lru_cache(maxsize=64)
def _statement(shape: Shape) -> TextClause:
    """WITH p0 AS (INSERT INTO servers (…) VALUES (…), (…)), p1 AS (INSERT INTO ports …) SELECT 1."""
    parts, binds = [], []
    for part, (table, names, count) in enumerate(shape):
        columns = ", ".join(_preparer.quote(name) for name in names)
        tuples = ", ".join(
            "(" + ", ".join(f":{_name(part, number, name)}" for name in names) + ")" for number in range(count)
        )
        binds += [
            bindparam(_name(part, number, name), type_=table.c[name].type) for number in range(count) for name in names
        ]
        parts.append(f"p{part} AS (INSERT INTO {_preparer.quote(table.name)} ({columns}) VALUES {tuples})")  # noqa: S608 - names of columns
    return text(f"WITH {', '.join(parts)} SELECT 1").bindparams(*binds)


def _name(part: int, number: int, column: str) -> str:
    return f"p{part}_{number}_{column}"
