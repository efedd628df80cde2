"""Copies all rows of a SQLite database into an empty PostgreSQL database, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from busway.domain.errors import BadInput, Conflict
from busway.store.copy import count_rows, require_empty, require_same
from busway.store.database import Database, Tx
from busway.store.schema import load_tables, upgrade_within

_ROWS_AT_ONCE = 500


def transfer(
    source: Database, target: Database, report: Callable[[str, int], None] = lambda _table, _rows: None
) -> int:
    """Copies every row, tables that are referred to first; returns the number of rows by table.

    The source must have the newest schema, and nobody may write to it meanwhile. A failure leaves the target empty.
    `report` is called with each table and its number of rows. Raises `Conflict` if the target is not empty.
    """
    require_empty(target)
    tables = load_tables().sorted_tables
    with source.read() as old, target.alter() as new:
        upgrade_within(new)
        for table in reversed(tables):
            new.execute(table.delete())  # a revision may have put rows of its own there
        for table in tables:
            report(table.name, _copy_table(old, new, table))
            _continue_numbers(new, table)
        counted = count_rows(old)
        require_same(counted, count_rows(new))
    return sum(counted.values())


def require_alone(path: Path) -> None:
    """Raises `Conflict` while any other process has the SQLite database open."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise Conflict(
                f"The database {path} is in use",
                detail=f"Data written to it meanwhile would be lost ({error}).",
                remedy="Stop every control process first; guests keep running.",
                code="database-in-use",
            ) from error


def _copy_table(old: Tx, new: Tx, table: Table) -> int:
    count = 0
    rows = old.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
    for some in rows.mappings().partitions():
        try:
            new.execute(insert(table), [dict(row) for row in some])
        except DBAPIError as error:
            raise BadInput(
                f"A row of the table {table.name} does not fit into PostgreSQL",
                detail=" ".join(str(error.orig).split()),
                remedy="Report it, with the detail. The target is still empty.",
                code="row-unfit",
            ) from error
        count += len(some)
    return count


def _continue_numbers(new: Tx, table: Table) -> None:
    """Sets PostgreSQL's sequences after the copied numbers."""
    column = table.autoincrement_column
    if column is None:
        return
    # SELECT setval(pg_get_serial_sequence('audit', 'id'), coalesce(max(id), 0) + 1, false) FROM audit
    sequence = new.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
    ).scalar_one()
    if sequence is not None:
        new.execute(
            select(
                text(f"setval('{sequence}', coalesce(max({column.name}), 0) + 1, false)")  # names of our own tables
            ).select_from(table)
        )
