"""Lists of ports: visibility, filters, order and page are in the statement.

One filter is an exception: a part of an IPv6 address is compared in Python, because that address is derived from
the MAC.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address, IPv6Network
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, false, func, literal, not_, or_, select

from busway.domain.guest_network import DIRECT, DIRECT_PHYSICAL, NORMAL, slaac_mac
from busway.domain.ids import NetworkId
from busway.domain.network import FLOATING_IP, SUBPORT, Port
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.network_list import NetworkFilter
from busway.store.networks import networks
from busway.store.paging import SortKey, in_seconds, page_of
from busway.store.ports import IS_LIVE, IS_OF_GUESTS, further_addresses, port_groups, ports, read_ports
from busway.store.servers import servers
from busway.store.trunks import carries, has_card, subports, trunks

Column = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class PortFilter(NetworkFilter):
    """A filter for ports; `address_parts` are substrings, each of which must be in one of a port's addresses."""

    address_parts: Collection[str] = ()


def _truth(column: Column) -> Column:
    return case((column, "true"), else_="false")


_p, _n = ports.c, networks.c
_parent = ports.alias("parent")
# Sub-ports, to be narrowed by what is so of the parents of their trunks.
_CARRIED = (
    select(subports.c.port_id)
    .join(trunks, trunks.c.id == subports.c.trunk_id)
    .join(_parent, _parent.c.id == trunks.c.port_id)
)


def _is_carried(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Returns the condition that a trunk carries a port, and something is so of its parent."""
    return _CARRIED.where(subports.c.port_id == _p.id, condition).exists()


_HELD = _p.server_id.is_not(None)
_CARRIES = carries(ports)
_STATUS = case(
    (_p.device_owner == FLOATING_IP, "n/a"),
    (and_(_p.device_owner == SUBPORT, _CARRIES, _is_carried(has_card(_parent))), "active"),
    (_p.device_owner == SUBPORT, "down"),
    (and_(_p.device_owner.is_not(None), _CARRIES), "active"),
    (has_card(ports), "active"),
    else_="down",
)
_further = select(further_addresses.c.port_id)
_OWNER = case((_HELD, "compute:nova"), else_=func.coalesce(_p.device_owner, ""))
# What each attribute is compared as, and what it is sorted by.
_COLUMNS: dict[str, Column] = {
    **{name: _p[name] for name in ("id", "name", "description", "network_id", "project_id")},
    "tenant_id": _p.project_id,
    "mac_address": _p.mac,
    "device_owner": _OWNER,
    "status": _STATUS,
    "admin_state_up": _truth(_p.up),
    "port_security_enabled": _truth(_p.security),
    "binding:vnic_type": _p.vnic,
    "numa_affinity_policy": func.coalesce(_p.numa_policy, ""),
}
_SORTED: dict[str, Column] = {
    **_COLUMNS,
    "device_id": func.coalesce(_p.server_id, _p.device_id, ""),
    "ip_address": func.coalesce(_p.address, ""),
    "created_at": _p.created,
    "updated_at": _p.created,
    "revision_number": _p.revision,
}
_VIF_TYPES = {"bridge": NORMAL, "hw_veb": DIRECT, "hostdev_physical": DIRECT_PHYSICAL}
PORT_SORT_KEYS = frozenset(_SORTED)
PORT_COLUMNS = frozenset({*_SORTED, "fixed_ips", "security_groups", "binding:host_id", "binding:vif_type", "subnet_id"})


def list_page(tx: Tx, wanted: PortFilter) -> list[Port]:
    """Lists the ports that match a filter, oldest first unless sorted; raises `BadInput` for an unknown marker."""
    conditions: list[ColumnElement[bool]] = [IS_LIVE, *wanted.tags.conditions(_p.id)]
    if wanted.project_id is not None:
        conditions.append(_p.project_id == wanted.project_id)
    conditions += [_condition(name, values, wanted) for name, values in wanted.equal.items()]
    conditions += [in_seconds(_p.created, times) for times in wanted.times.values()]
    conditions += [_has_part(part) for part in wanted.address_parts]
    back = wanted.backwards
    keys = [SortKey(_SORTED[name], down != back) for name, down in wanted.sort]
    keys += [SortKey(_p.created, back), SortKey(_p.id, back)]
    marker = and_(_p.id == wanted.marker, *conditions) if wanted.marker is not None else None
    in_text = any("." not in part for part in wanted.address_parts)
    limit = None if in_text else wanted.limit
    page = page_of(tx, select(ports).where(*conditions), keys, marker=marker, limit=limit)
    found = read_ports(tx, list(tx.execute(page)))
    if in_text:
        found = [port for port in found if _has_parts(port, wanted.address_parts)][: wanted.limit]
    return found[::-1] if back else found


def find_holder(tx: Tx, network_id: NetworkId, address: str) -> Port | None:
    """Returns the port that has an address on a network, of either IP version, or None."""
    here = and_(IS_LIVE, _p.network_id == network_id, _has_address(address))
    found = read_ports(tx, list(tx.execute(select(ports).where(here).limit(1))))
    return found[0] if found else None


def _condition(name: str, values: Collection[str], wanted: PortFilter) -> ColumnElement[bool]:
    if name in _COLUMNS:
        return _COLUMNS[name].in_(values)
    if name == "device_id":
        free = and_(_p.server_id.is_(None), _p.device_id.is_(None)) if "" in values else false()
        named = [each for each in values if each]
        return or_(_p.server_id.in_(named), _p.device_id.in_(named), free)
    if name == "ip_address":
        return or_(*(_has_address(each) for each in values))
    if name == "subnet_id":
        v4, v6 = (select(networks.c.id).where(column.in_(values)) for column in (_n.subnet_id, _n.subnet6_id))
        own6 = or_(IS_OF_GUESTS, _p.address6.is_not(None))
        return or_(and_(_p.network_id.in_(v4), _p.address.is_not(None)), and_(_p.network_id.in_(v6), own6))
    if name == "security_groups":
        return _p.id.in_(select(port_groups.c.port_id).where(port_groups.c.group_id.in_(values)))
    if name == "revision_number":
        return cast(_p.revision, String).in_(values)
    if wanted.project_id is not None:  # where a port is bound is for admins, and others see nothing of it
        return literal("").in_(values)
    return _bound(name, values)


def _bound(name: str, values: Collection[str]) -> ColumnElement[bool]:
    """Returns the condition that a port is bound to one of some hosts, or with one of some types."""
    placed = select(servers.c.id).join(hosts, hosts.c.id == servers.c.host_id)
    bare = or_(_p.server_id.is_(None), _p.server_id.not_in(placed))
    free = and_(bare, not_(_is_carried(_parent.c.server_id.in_(placed))))
    if name == "binding:host_id":
        chosen = placed.where(hosts.c.name.in_(values))
        named = or_(_p.server_id.in_(chosen), _p.id.in_(_CARRIED.where(_parent.c.server_id.in_(chosen))))
        return or_(named, free) if "" in values else named
    cards = [_VIF_TYPES[value] for value in values if value in _VIF_TYPES]
    there = and_(_p.vnic.in_(cards), not_(free))
    return or_(there, free) if "unbound" in values else there


def _has_address(address: str) -> ColumnElement[bool]:
    if ":" not in address:
        return or_(_p.address == address, _p.id.in_(_further.where(further_addresses.c.address == address)))
    try:
        one = IPv6Address(address)
    except AddressValueError:
        return false()
    given, mac = _p.address6 == str(one), slaac_mac(one)
    if mac is None:
        return given
    here = _p.network_id.in_(select(_n.id).where(_n.cidr6 == str(IPv6Network((one, 64), strict=False))))
    return or_(given, and_(_p.mac == mac, IS_OF_GUESTS, here))


def _has_part(part: str) -> ColumnElement[bool]:
    """Returns the condition that an address may contain a substring; ports with IPv6 match if it has no dot."""
    more = _p.id.in_(_further.where(further_addresses.c.address.contains(part, autoescape=True)))
    inside = or_(_p.address.contains(part, autoescape=True), more)
    six = _p.network_id.in_(select(networks.c.id).where(networks.c.subnet6_id.is_not(None)))
    return inside if "." in part else or_(inside, six)


def _has_parts(port: Port, parts: Collection[str]) -> bool:
    addresses: Sequence[str] = [address for _, address in port.fixed_ips]
    return all(any(part in address for address in addresses) for part in parts)
