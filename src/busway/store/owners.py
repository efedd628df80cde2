"""Whose rows are counted: those of one project, or of several, such as all of a domain."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select

# The id of a project, or the statement that reads the ids of several.
Owners = str | Select[tuple[str]]


def owned_by(column: ColumnElement[Any], of: Owners) -> ColumnElement[bool]:
    """Rows whose owner is that project, or one of those."""
    return column == of if isinstance(of, str) else column.in_(of)
