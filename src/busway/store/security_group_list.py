"""Lists of security groups and of their rules: visibility, filters, order and page are in the statement.

One filter is an exception: the network of a rule's remote prefix is computed from the prefix.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, cast, func, literal, or_, select, true

from busway.domain.ids import ProjectId
from busway.domain.security_group import SecurityGroup, SecurityRule
from busway.store.database import Tx
from busway.store.network_list import NetworkFilter
from busway.store.owned_list import Column, owned_page
from busway.store.security_groups import read_groups, rule_of, security_group_rules, security_groups

_g, _r = security_groups.c, security_group_rules.c
_GROUP: dict[str, Column] = {
    **{name: _g[name] for name in ("id", "name", "description", "project_id")},
    "tenant_id": _g.project_id,
    "stateful": literal("true"),
    "shared": literal("false"),
    "revision_number": cast(_g.revision, String),
}
_OWNER = select(_g.project_id).where(_g.id == _r.group_id).scalar_subquery()
_RULE: dict[str, Column] = {
    "id": _r.id,
    "security_group_id": _r.group_id,
    "description": _r.description,
    **dict.fromkeys(("tenant_id", "project_id"), _OWNER),
    **{name: func.lower(_r[name]) for name in ("direction", "ethertype")},
    "protocol": func.coalesce(_r.protocol, ""),
    "remote_ip_prefix": func.lower(func.coalesce(_r.remote_cidr, "")),
    "remote_group_id": func.coalesce(_r.remote_group, ""),
    "remote_address_group_id": literal(""),
    "port_range_min": func.coalesce(cast(_r.port_min, String), ""),
    "port_range_max": func.coalesce(cast(_r.port_max, String), ""),
    "revision_number": cast(_r.revision, String),
}
# Sorted as they are stored, and not as what they are compared with.
_NULLABLE = {
    "protocol": _r.protocol,
    "remote_ip_prefix": _r.remote_cidr,
    "remote_group_id": _r.remote_group,
    "port_range_min": _r.port_min,
    "port_range_max": _r.port_max,
}
_NETWORK = "normalized_cidr"
GROUP_COLUMNS = frozenset({*_GROUP, "created_at", "updated_at"})
RULE_SORT_KEYS = frozenset({*_RULE, "created_at", "updated_at"})
RULE_COLUMNS = RULE_SORT_KEYS | {_NETWORK}


def list_group_page(tx: Tx, wanted: NetworkFilter) -> list[SecurityGroup]:
    """Lists the groups that match a filter, with their rules; raises `BadInput` for an unknown marker."""
    return read_groups(
        tx, owned_page(tx, select(security_groups), _g, _GROUP, wanted, owned=_g.project_id == wanted.project_id)
    )


def list_rule_page(tx: Tx, wanted: NetworkFilter) -> list[tuple[ProjectId, SecurityRule]]:
    """Lists the rules that match a filter, each with its group's project; raises `BadInput` for an unknown marker."""
    networks = wanted.equal.get(_NETWORK)
    owned = _r.group_id.in_(select(_g.id).where(_g.project_id == wanted.project_id))
    rows = owned_page(
        tx,
        select(security_group_rules, _OWNER.label("project_id")).where(
            or_(*map(_may_be, networks)) if networks else true()
        ),
        _r,
        _RULE,
        wanted,
        owned=owned,
        sorted_by=_NULLABLE,
        keep=None if networks is None else lambda row: (rule_of(row).normalized_cidr or "") in networks,
    )
    return [(ProjectId(row.project_id), rule_of(row)) for row in rows]


def _may_be(network: str) -> ColumnElement[bool]:
    """Returns the condition that a prefix is as long as a network's, or for "" that there is none."""
    return _r.remote_cidr.like(f"%/{network.rpartition('/')[2]}") if network else _r.remote_cidr.is_(None)
