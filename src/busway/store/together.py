"""Collects the rows that a transaction inserts, and writes them in one statement at its end: one round trip instead of many.

Within `gathered(tx)`, `put` keeps rows and `settle` writes all of them; elsewhere `put` writes at once. PostgreSQL
takes rows of several tables in one statement, as parts of a WITH; foreign keys between them are checked at its end.
SQLite, which runs in this process, gets one statement per table, in the order in which the tables were first used.
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
    """Collects rows within the block until `settle`; rows of a failed transaction are dropped."""
    tx.info[_KEY] = {}
    try:
        yield
    finally:
        tx.info.pop(_KEY, None)


def put(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows with equal columns: at once, or collected."""
    if not rows:
        return
    waiting: Kept | None = tx.info.get(_KEY)
    if waiting is None:
        tx.execute(insert(table), list(rows))
    else:
        waiting.setdefault((table, tuple(rows[0])), []).extend(rows)


def kept(tx: Connection) -> dict[str, Rows]:
    """Returns the collected rows by table name."""
    return _by_table(tx.info.get(_KEY) or {})


def settle(tx: Connection, *tables: Table) -> None:
    """Writes all collected rows if some are of one of these tables, or if no tables are given. Call it before reading a table."""
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
    """Returns the scalar defaults of the columns, which SQLAlchemy would add itself."""
    return {
        column.name: column.default.arg  # type: ignore[attr-defined]
        for column in table.columns
        if column.default is not None and column.default.is_scalar
    }


@lru_cache(maxsize=64)
def _statement(shape: Shape) -> TextClause:
    """Returns: WITH p0 AS (INSERT INTO servers (…) VALUES (…), (…)), p1 AS (INSERT INTO ports …) SELECT 1."""
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
