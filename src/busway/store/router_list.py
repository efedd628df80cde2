"""Lists of routers and floating addresses: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from sqlalchemy import String, case, cast, func, literal, select

from busway.domain.router import FloatingIp, Router
from busway.store.database import Tx
from busway.store.floating_ips import floating_ips, floating_of
from busway.store.network_list import NetworkFilter
from busway.store.owned_list import Column, owned_page
from busway.store.routers import read_routers, routers

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
ROUTER_COLUMNS = frozenset({*_ROUTER, "created_at", "updated_at"})
FLOATING_COLUMNS = frozenset({*_FLOATING, "created_at", "updated_at"})


def list_router_page(tx: Tx, wanted: NetworkFilter) -> list[Router]:
    """Lists the routers that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker."""
    return read_routers(
        tx, owned_page(tx, select(routers), _r, _ROUTER, wanted, owned=_r.project_id == wanted.project_id)
    )


def list_floating_page(tx: Tx, wanted: NetworkFilter) -> list[FloatingIp]:
    """Lists the floating addresses that match a filter; raises `BadInput` for an unknown marker."""
    page = owned_page(tx, select(floating_ips), _f, _FLOATING, wanted, owned=_f.project_id == wanted.project_id)
    return [floating_of(row) for row in page]
