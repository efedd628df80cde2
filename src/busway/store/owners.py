"""The owner condition of counts: one project, or several, such as all projects of a domain."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select

# The id of a project, or the statement that reads the ids of several.
Owners = str | Select[tuple[str]]


def owned_by(column: ColumnElement[Any], of: Owners) -> ColumnElement[bool]:
    """Returns the SQL condition that a row belongs to that project, or to one of those."""
    return column == of if isinstance(of, str) else column.in_(of)
