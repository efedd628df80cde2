"""Lists of trunks: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, exists, select

from busway.domain.trunk import Trunk
from busway.store.database import Tx
from busway.store.network_list import NetworkFilter
from busway.store.paging import SortKey, in_seconds, page_of
from busway.store.ports import ports
from busway.store.trunks import has_card, read_trunks, trunks

Column = ColumnElement[Any]
_t = trunks.c
_ACTIVE = exists().where(ports.c.id == _t.port_id, has_card(ports))
_COLUMNS: dict[str, Column] = {
    **{name: _t[name] for name in ("id", "name", "description", "project_id", "port_id")},
    "tenant_id": _t.project_id,
    "admin_state_up": case((_t.up, "true"), else_="false"),
    "status": case((_ACTIVE, "active"), else_="down"),
    "revision_number": cast(_t.revision, String),
}
_SORTED = {**_COLUMNS, "created_at": _t.created, "updated_at": _t.created, "revision_number": _t.revision}
TRUNK_COLUMNS = frozenset(_SORTED)


def list_trunk_page(tx: Tx, wanted: NetworkFilter) -> list[Trunk]:
    """Lists the trunks that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker."""
    back = wanted.backwards
    conditions: list[ColumnElement[bool]] = [in_seconds(_t.created, times) for times in wanted.times.values()]
    conditions += wanted.tags.conditions(_t.id)
    if wanted.project_id is not None:
        conditions.append(_t.project_id == wanted.project_id)
    conditions += [_COLUMNS[name].in_(values) for name, values in wanted.equal.items()]
    keys = [SortKey(_SORTED[name], down != back) for name, down in wanted.sort]
    keys += [SortKey(_t.created, back), SortKey(_t.id, back)]
    marker = and_(_t.id == wanted.marker, *conditions) if wanted.marker is not None else None
    page = page_of(tx, select(trunks).where(*conditions), keys, marker=marker, limit=wanted.limit)
    return read_trunks(tx, list(tx.execute(page))[:: -1 if back else 1])
