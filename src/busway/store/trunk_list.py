"""Lists of trunks: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from sqlalchemy import String, case, cast, exists, select

from busway.domain.trunk import Trunk
from busway.store.database import Tx
from busway.store.network_list import NetworkFilter
from busway.store.owned_list import Column, owned_page
from busway.store.ports import ports
from busway.store.trunks import has_card, read_trunks, trunks

_t = trunks.c
_ACTIVE = exists().where(ports.c.id == _t.port_id, has_card(ports))
_TRUNK: dict[str, Column] = {
    **{name: _t[name] for name in ("id", "name", "description", "project_id", "port_id")},
    "tenant_id": _t.project_id,
    "admin_state_up": case((_t.up, "true"), else_="false"),
    "status": case((_ACTIVE, "active"), else_="down"),
    "revision_number": cast(_t.revision, String),
}
TRUNK_COLUMNS = frozenset({*_TRUNK, "created_at", "updated_at"})


def list_trunk_page(tx: Tx, wanted: NetworkFilter) -> list[Trunk]:
    """Lists the trunks that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker."""
    return read_trunks(tx, owned_page(tx, select(trunks), _t, _TRUNK, wanted, owned=_t.project_id == wanted.project_id))
