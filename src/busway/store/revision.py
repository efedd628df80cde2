"""Revisions: a number in a row that grows with each change of the row, whichever statement makes it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, literal_column, text, update

from busway.store.database import Tx


def revision_column(name: str = "revision") -> Column[int]:
    """A revision, which each UPDATE of the table that does not set it increases; a new row has 1.

    Statements in text have to increase it themselves.
    """
    return Column(name, Integer, nullable=False, server_default=text("1"), onupdate=literal_column(name) + 1)


def revise(tx: Tx, table: Table, row_id: str) -> None:
    """Increases the revision of a row, because something that belongs to it has changed elsewhere."""
    tx.execute(update(table).where(table.c.id == row_id).values(revision=table.c.revision + 1))
