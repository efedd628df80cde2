"""SQL conditions on columns with a JSON list of strings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, func, select

from busway.store.database import Tx


def holds(tx: Tx, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """Returns the condition that the list contains `value`."""
    # EXISTS (SELECT 1 FROM json_each(servers.tags) WHERE value = ?), json_array_elements_text on PostgreSQL
    each = func.json_each(column) if tx.dialect.name == "sqlite" else func.json_array_elements_text(column)
    row = each.table_valued("value")
    return exists(select(1).select_from(row).where(row.c.value == value))
