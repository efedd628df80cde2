"""Lists of networks and subnets: visibility, filters, order and page are in the statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, false, func, literal, or_, select

from busway.domain.guest_network import LOCAL, OVERLAY
from busway.domain.ids import ProjectId
from busway.domain.network import Network, Subnet
from busway.store.database import Tx
from busway.store.json_list import holds
from busway.store.network_tags import ANY_TAGS, TagFilter
from busway.store.networks import network_of, networks
from busway.store.paging import SortKey, in_seconds, page_of, page_of_several

Column = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class NetworkFilter:
    """A filter for networks or subnets: each attribute must be equal to one of several values.

    `sort` has pairs of an attribute and whether it descends; with `backwards` the page ends before the marker.
    `project_id` is the project that sees them, None for all; `offset` rows are left out (compute's old lists). Times are compared as times, not as strings.
    """

    equal: Mapping[str, Collection[str]] = field(default_factory=dict)
    times: Mapping[str, Collection[datetime]] = field(default_factory=dict)
    tags: TagFilter = ANY_TAGS
    project_id: ProjectId | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    marker: str | None = None
    backwards: bool = False
    offset: int = 0


EVERY_NETWORK = NetworkFilter()


def _truth(column: Column) -> Column:
    return case((column, "true"), else_="false")


def _number(column: Column) -> Column:
    return cast(column, String)


_n = networks.c
_KIND = case((_n.driver == LOCAL, "local"), (_n.driver == OVERLAY, "geneve"), (_n.vlan != 0, "vlan"), else_="flat")
# What each attribute is compared as, and what it is sorted by; a text is what all networks have.
_NETWORK: dict[str, tuple[Column, Column | None]] = {
    **{name: (_n[name], _n[name]) for name in ("id", "name", "description")},
    **dict.fromkeys(("tenant_id", "project_id"), (_n.owner, _n.owner)),
    "shared": (_truth(_n.shared), _truth(_n.shared)),
    "mtu": (_number(_n.mtu), _n.mtu),
    "provider:network_type": (_KIND, _KIND),
    "provider:physical_network": (_n.physical, _n.physical),
    "provider:segmentation_id": (case((_n.vlan == 0, ""), else_=_number(_n.vlan)), _n.vlan),
    "status": (literal("active"), None),
    "admin_state_up": (_truth(_n.up), _truth(_n.up)),
    "router:external": (_truth(_n.external), _truth(_n.external)),
    "is_default": (_truth(_n.is_default), _truth(_n.is_default)),
    "port_security_enabled": (_truth(_n.security), _truth(_n.security)),
    "revision_number": (_number(_n.revision), _n.revision),
}
_NEVER = ("availability_zones", "availability_zone_hints")  # lists that are empty
_PROVIDER = "provider:"  # what only admins see
_DIGITS = 9
_SEGMENT = "provider:segmentation_id"  # compared as a number, which an index has; "" for none
NETWORK_COLUMNS = frozenset({*_NETWORK, *_NEVER, "subnets", "created_at", "updated_at"})


def _side(version: int) -> Select[Any]:
    """Returns a statement with one row for each subnet of one IP version."""
    end = "" if version == 4 else "6"
    mode = literal("") if version == 4 else case((_n.dhcp6, "slaac"), else_="")
    return select(
        _n[f"subnet{end}_id"].label("id"),
        _n[f"subnet{end}_name"].label("name"),
        func.coalesce(_n[f"subnet{end}_description"], "").label("description"),
        _n.id.label("network_id"),
        _n[f"cidr{end}"].label("cidr"),
        func.coalesce(_n[f"gateway{end}"], "").label("gateway_ip"),
        literal(str(version)).label("ip_version"),
        _truth(_n[f"dhcp{end}"]).label("enable_dhcp"),
        mode.label("mode"),
        _n[f"dns{end}"].label("dns"),
        _n[f"subnet{end}_revision"].label("revision"),
        _n.owner,
        _n.shared,
        _n.created,
    ).where(_n[f"subnet{end}_id"].is_not(None))


def _subnet(s: Any) -> dict[str, tuple[Column, Column | None]]:
    """Returns the same as `_NETWORK` for the columns of one IP version."""
    own = ("id", "name", "description", "network_id", "cidr", "gateway_ip", "ip_version", "enable_dhcp")
    return {
        **{name: (s[name], s[name]) for name in own},
        **dict.fromkeys(("tenant_id", "project_id"), (s.owner, s.owner)),
        **dict.fromkeys(("ipv6_address_mode", "ipv6_ra_mode"), (s.mode, s.mode)),
        **{name: (literal(""), None) for name in ("subnetpool_id", "segment_id")},
        "revision_number": (_number(s.revision), s.revision),
    }


_SIDES = tuple(_side(version).subquery(f"subnets{version}").c for version in (4, 6))
SUBNET_COLUMNS = frozenset({*_subnet(_SIDES[0]), "dns_nameservers", "service_types", "created_at", "updated_at"})


def list_network_page(tx: Tx, wanted: NetworkFilter) -> list[Network]:
    """Lists the networks that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker."""
    conditions = [
        *_seen(wanted, _n, external=True),
        *_equal(wanted, _NETWORK, _n.created),
        *wanted.tags.conditions(_n.id),
    ]
    if subnets := wanted.equal.get("subnets"):
        conditions.append(or_(_n.subnet_id.in_(subnets), _n.subnet6_id.in_(subnets)))
    if versions := wanted.equal.get("ip_version"):  # of a subnet, no attribute of a network
        has = [column.is_not(None) for end, column in (("4", _n.subnet_id), ("6", _n.subnet6_id)) if end in versions]
        conditions.append(or_(false(), *has))
    rows = _page(tx, select(networks), conditions, _keys(wanted, _NETWORK, _n), wanted, _n.id)
    return [network_of(row) for row in rows]


def list_subnet_page(tx: Tx, wanted: NetworkFilter) -> list[tuple[Network, Subnet]]:
    """Lists the subnets that match a filter, each with its network, IPv4 first; raises `BadInput` for an unknown marker."""
    sides = []
    for s in _SIDES:
        compared = _subnet(s)
        conditions = [*_seen(wanted, s), *_equal(wanted, compared, s.created), *wanted.tags.conditions(s.id)]
        if servers := wanted.equal.get("dns_nameservers"):
            conditions.append(or_(*(holds(tx, s.dns, each) for each in servers)))
        keys = _keys(wanted, compared, s)
        keys.insert(-1, SortKey(s.ip_version, wanted.backwards))  # of one network, for both are as old
        asked = select(s.id, s.network_id).where(*conditions)
        sides.append((asked, keys, and_(s.id == wanted.marker, *conditions)))
    chosen = page_of_several(tx, sides, has_marker=wanted.marker is not None, limit=wanted.limit)
    page = list(tx.execute(chosen))
    if wanted.backwards:
        page.reverse()
    found = select(networks).where(_n.id.in_({row.network_id for row in page}))
    known = {row.id: network_of(row) for row in tx.execute(found)}
    by_id = {subnet.id: (network, subnet) for network in known.values() for subnet in network.subnets}
    return [by_id[row.id] for row in page]


def _seen(wanted: NetworkFilter, columns: Any, *, external: bool = False) -> list[ColumnElement[bool]]:
    """Returns what a project sees: everybody sees external networks, but not their subnets, as in Neutron."""
    if wanted.project_id is None:
        return []
    seen = [columns.shared, columns.owner == wanted.project_id]
    return [or_(*seen, columns.external) if external else or_(*seen)]


def _equal(
    wanted: NetworkFilter, known: Mapping[str, tuple[Column, Column | None]], created: Column
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [in_seconds(created, times) for times in wanted.times.values()]
    for name, values in wanted.equal.items():
        if name.startswith(_PROVIDER) and wanted.project_id is not None:
            found.append(false())
        elif name == _SEGMENT:
            found.append(_n.vlan.in_([0 if each == "" else int(each) for each in values if _is_number(each)]))
        elif name in known:
            found.append(known[name][0].in_(values))
        elif name in _NEVER or name == "service_types":
            found.append(false())
    return found


def _is_number(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdecimal() and text[0] != "0" and len(text) <= _DIGITS)


def _keys(wanted: NetworkFilter, known: Mapping[str, tuple[Column, Column | None]], columns: Any) -> list[SortKey]:
    """Returns the columns to sort by, without attributes that are equal in all rows; time and id come last."""
    back = wanted.backwards
    named = [
        SortKey(column, down != back)
        for name, down in wanted.sort
        if not (name.startswith(_PROVIDER) and wanted.project_id is not None)
        and (column := columns.created if name.endswith("ed_at") else known.get(name, (None, None))[1]) is not None
    ]
    return [*named, SortKey(columns.created, back), SortKey(columns.id, back)]


def _page(
    tx: Tx,
    statement: Select[Any],
    conditions: Sequence[ColumnElement[bool]],
    keys: Sequence[SortKey],
    wanted: NetworkFilter,
    known_id: Column,
) -> list[Any]:
    marker = and_(known_id == wanted.marker, *conditions) if wanted.marker is not None else None
    page = page_of(tx, statement.where(*conditions), keys, marker=marker, limit=wanted.limit)
    rows = list(tx.execute(page))
    return rows[::-1] if wanted.backwards else rows
