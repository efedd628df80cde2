"""Lists of routers and floating addresses: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Table, and_, case, cast, func, literal, select

from busway.domain.router import FloatingIp, Router
from busway.store.database import Tx
from busway.store.floating_ips import floating_ips, floating_of
from busway.store.network_list import NetworkFilter
from busway.store.paging import SortKey, in_seconds, page_of
from busway.store.routers import read_routers, routers

Column = ColumnElement[Any]
_r, _f = routers.c, floating_ips.c
_ROUTER: dict[str, Column] = {
    **{name: _r[name] for name in ("id", "name", "description", "project_id")},
    "tenant_id": _r.project_id,
    "admin_state_up": case((_r.up, "true"), else_="false"),
    "status": literal("active"),
    "revision_number": cast(_r.revision, String),
}
_STATUS = case((_f.port_id.is_not(None), "active"), else_="down")
_FLOATING: dict[str, Column] = {
    **{name: _f[name] for name in ("id", "description", "project_id")},
    "tenant_id": _f.project_id,
    "floating_network_id": _f.network_id,
    "floating_ip_address": _f.address,
    **{name: func.coalesce(_f[name], "") for name in ("router_id", "port_id")},
    "fixed_ip_address": func.coalesce(_f.fixed_address, ""),
    "status": _STATUS,
    "revision_number": cast(_f.revision, String),
}
_SAME = frozenset({"status"})  # equal in all rows of routers, so nothing is sorted by it
ROUTER_COLUMNS = frozenset({*_ROUTER, "created_at", "updated_at"})
FLOATING_COLUMNS = frozenset({*_FLOATING, "created_at", "updated_at"})


def list_router_page(tx: Tx, wanted: NetworkFilter) -> list[Router]:
    """Lists the routers that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker."""
    return read_routers(tx, list(tx.execute(_page(tx, routers, _ROUTER, wanted)))[:: -1 if wanted.backwards else 1])


def list_floating_page(tx: Tx, wanted: NetworkFilter) -> list[FloatingIp]:
    """Lists the floating addresses that match a filter; raises `BadInput` for an unknown marker."""
    page = list(tx.execute(_page(tx, floating_ips, _FLOATING, wanted)))
    return [floating_of(row) for row in (page[::-1] if wanted.backwards else page)]


def _page(tx: Tx, table: Table, known: Mapping[str, Column], wanted: NetworkFilter) -> Select[Any]:
    columns, back = table.c, wanted.backwards
    conditions: list[ColumnElement[bool]] = [in_seconds(columns.created, times) for times in wanted.times.values()]
    conditions += wanted.tags.conditions(columns.id)
    if wanted.project_id is not None:
        conditions.append(columns.project_id == wanted.project_id)
    conditions += [known[name].in_(values) for name, values in wanted.equal.items()]
    sorted_by = {
        **known,
        "created_at": columns.created,
        "updated_at": columns.created,
        "revision_number": columns.revision,
    }
    keys = [SortKey(sorted_by[name], down != back) for name, down in wanted.sort if name not in _SAME]
    keys += [SortKey(columns.created, back), SortKey(columns.id, back)]
    marker = and_(columns.id == wanted.marker, *conditions) if wanted.marker is not None else None
    return page_of(tx, select(table).where(*conditions), keys, marker=marker, limit=wanted.limit)
