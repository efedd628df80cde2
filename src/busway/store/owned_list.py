"""One page of a table whose rows have an owner: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, Select, and_
from sqlalchemy import Column as TableColumn

from busway.store.database import Tx
from busway.store.network_list import NetworkFilter
from busway.store.paging import SortKey, in_seconds, page_of

Column = ColumnElement[Any]


def owned_page(
    tx: Tx,
    statement: Select[Any],
    columns: Any,
    known: Mapping[str, Column],
    wanted: NetworkFilter,
    *,
    owned: ColumnElement[bool],
    sorted_by: Mapping[str, Column] | None = None,
    keep: Callable[[Row[Any]], bool] | None = None,
) -> list[Row[Any]]:
    """Returns the rows that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker.

    `columns` has the rows' id, created and revision. `known` says what each attribute is compared as, a literal where all rows have the
    same, and `sorted_by` what it is sorted by if that is something else. `owned` is the condition that a row is the wanted project's.
    `keep` is a condition that SQL can't express: all matching rows are read for it.
    """
    back = wanted.backwards
    conditions: list[ColumnElement[bool]] = [in_seconds(columns.created, times) for times in wanted.times.values()]
    conditions += wanted.tags.conditions(columns.id)
    if wanted.project_id is not None:
        conditions.append(owned)
    conditions += [known[name].in_(values) for name, values in wanted.equal.items() if name in known]
    times = dict.fromkeys(("created_at", "updated_at"), columns.created)
    orders = {**known, **times, "revision_number": columns.revision, **(sorted_by or {})}
    asked = [(orders[name], down != back) for name, down in wanted.sort]
    keys = [
        SortKey(column, down, _may_be_null(column)) for column, down in asked if not isinstance(column, BindParameter)
    ]
    keys += [SortKey(columns.created, back), SortKey(columns.id, back)]
    marker = and_(columns.id == wanted.marker, *conditions) if wanted.marker is not None else None
    page = page_of(
        tx, statement.where(*conditions), keys, marker=marker, limit=None if keep is not None else wanted.limit
    )
    rows = list(tx.execute(page.offset(wanted.offset) if wanted.offset else page))
    if keep is not None:
        rows = [row for row in rows if keep(row)][: wanted.limit]
    return rows[::-1] if back else rows


def _may_be_null(column: Column) -> bool:
    return isinstance(column, TableColumn) and bool(column.nullable)
