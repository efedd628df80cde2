"""Conditions on columns that hold a JSON list of texts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, func, select

from busway.store.database import Tx


def holds(tx: Tx, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """True where a column with a JSON list of texts has one that is `value`."""
    # EXISTS (SELECT 1 FROM json_each(servers.tags) WHERE value = ?), json_array_elements_text on PostgreSQL
    each = func.json_each(column) if tx.dialect.name == "sqlite" else func.json_array_elements_text(column)
    row = each.table_valued("value")
    return exists(select(1).select_from(row).where(row.c.value == value))
