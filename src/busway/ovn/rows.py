"""The rows of the northbound database that overlay networks are, with their ports and security groups. Pure.

A network is a logical switch; a port is a port of it, with its addresses, anti-spoofing and DHCP, and one that a trunk carries
names its parent; a security group is, on each
network where it has ports, a port group with its rules. OVN keeps the addresses of a port group's ports as address sets,
which rules with a remote group use: members on one network and on those that a router joins to it, never those of another that
may have the same addresses. Routers are in `busway.ovn.routing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from busway.domain.guest_network import METADATA_ADDRESS, OVERLAY, NicRule, link_local, services_name
from busway.domain.ids import NetworkId, RouterId, SecurityGroupId, ServerId
from busway.domain.network import ROUTER_GATEWAY, ROUTER_INTERFACE, Network, Port, mac_for, services_address
from busway.domain.router import FloatingIp, Router
from busway.ovn.acl import Acl, acls_of_group, acls_of_network, group_name, secured_name
from busway.ovn.routing import port_on_switch, rows_of_router, switch_port, way_out
from busway.ovn.row import KEY, OWNED, Refs, Row, Value

_LEASE_S = 86400


@dataclass(frozen=True, slots=True)
class Overlay:
    """All that the northbound database must say: networks of the driver `overlay` with all their ports, oldest first.

    External networks are there too, whatever their driver, with their ports alone that are those of routers.

    `rules` are those of each group of the ports; `names` are the servers' host names; `chassis` are those of the hosts that
    have a server, its own host first: two while it moves, none for one whose host does not tell. `gateways` are the chassis
    that have a bridge on a physical network; under "" are all, for external networks that are on none.
    """

    networks: Sequence[Network] = ()
    ports: Sequence[Port] = ()
    rules: Mapping[SecurityGroupId, Sequence[NicRule]] = field(default_factory=dict)
    names: Mapping[ServerId, str] = field(default_factory=dict)
    domain: str = ""
    chassis: Mapping[ServerId, tuple[str, ...]] = field(default_factory=dict)
    routers: Sequence[Router] = ()
    floating: Sequence[FloatingIp] = ()
    gateways: Mapping[str, Sequence[str]] = field(default_factory=dict)


def rows_of(overlay: Overlay) -> tuple[Row, ...]:
    """The rows, in an order that is the same for the same values."""
    ports: dict[str, list[Port]] = {network.id: [] for network in overlay.networks}
    for port in overlay.ports:
        ports[port.network.id].append(port)
    rows: list[Row] = []
    groups = _Groups(overlay)
    for network in overlay.networks:
        if network.driver == OVERLAY:
            rows += _network(network, ports[network.id], overlay, groups)
        else:
            rows += _outer(network, ports[network.id])
    floating: dict[RouterId, list[FloatingIp]] = {}
    for each in overlay.floating:
        if each.router_id is not None:
            floating.setdefault(each.router_id, []).append(each)
    for router in overlay.routers:
        rows += rows_of_router(router, floating.get(router.id, ()), overlay.gateways)
    return tuple(rows)


def _outer(network: Network, ports: Sequence[Port]) -> Iterator[Row]:
    """An external network on a physical one: nothing of it is OVN's but the ports of routers."""
    here = [way_out(network), *(port_on_switch(port) for port in ports if port.device_owner == ROUTER_GATEWAY)]
    yield from here
    yield _switch(network, here, None)


def _network(network: Network, ports: Sequence[Port], overlay: Overlay, groups: _Groups) -> Iterator[Row]:
    guests = [port for port in ports if not port.is_internal]
    here = [_port(network, port, overlay.chassis.get(port.guest, ()) if port.guest else ()) for port in guests]
    inner = [port for port in ports if port.device_owner == ROUTER_INTERFACE]
    here += map(port_on_switch, (port for port in ports if port.device_owner in (ROUTER_INTERFACE, ROUTER_GATEWAY)))
    where = services_address(network, ports)
    if where:
        name = services_name(network.id)
        here.append(switch_port(name, "localport", {f"{mac_for(network.id)} {where}"}, {}))
    yield from here
    routed = network.v4 is not None and any(network.v4.gateway in port.addresses for port in inner)
    # OVN lets whatever comes from UDP port 53 past all rules where it answers names: behind a router that may be anybody.
    dhcp, dns = _dhcp(network, overlay.domain, where, routed=routed), None if inner else _dns(network, guests, overlay)
    yield from (row for row in (dhcp, dns) if row is not None)
    yield _switch(network, here, dns)
    yield from groups.rows(network, guests, where)


def _switch(network: Network, here: Sequence[Row], dns: Row | None) -> Row:
    return _row(
        "Logical_Switch",
        network.id,
        name=f"busway-{network.id}",
        other_config={},
        ports=Refs("Logical_Switch_Port", frozenset(row.key for row in here)),
        acls=Refs("ACL", frozenset()),  # rules are on port groups
        dns_records=Refs("DNS", frozenset({dns.key} if dns else ())),
    )


def _port(network: Network, port: Port, chassis: Sequence[str]) -> Row:
    own = " ".join((port.mac, *(address for _subnet, address in port.fixed_ips)))
    others = {pair.mac for pair in port.pairs} - {port.mac}
    return _row(
        "Logical_Switch_Port",
        port.id,
        name=port.id,
        type="",
        enabled=port.carries,
        addresses=frozenset({own, *others} if port.security else {own, "unknown"}),
        port_security=frozenset(_senders(port) if port.security else ()),
        dhcpv4_options=Refs("DHCP_Options", frozenset({network.v4.id} if _has_dhcp(network) and network.v4 else ())),
        # No other chassis may bind the port, whatever is plugged in there under its id.
        options={"requested-chassis": ",".join(dict.fromkeys(chassis))} if chassis else {},
        # Behind a parent the port has no card: its frames are those of the parent's with the tag (ovn-nb(5), "Containers").
        parent_name=frozenset({port.carrier.port_id} if port.carrier else ()),
        tag=frozenset({port.carrier.vlan} if port.carrier else ()),
    )


def _senders(port: Port) -> Iterator[str]:
    """Who may send from a port: each MAC with its addresses; a link-local one is everybody's own."""
    allowed: dict[str, list[str]] = {port.mac: [*(address for _subnet, address in port.fixed_ips)]}
    for pair in port.pairs:
        allowed.setdefault(pair.mac, []).append(_bare(pair.cidr))
    for mac, addresses in allowed.items():
        yield " ".join((mac, *dict.fromkeys(addresses), link_local(mac)))


def _bare(cidr: str) -> str:
    address, _, prefix = cidr.partition("/")
    return address if prefix == ("128" if ":" in address else "32") else cidr


def _has_dhcp(network: Network) -> bool:
    return network.v4 is not None and network.v4.dhcp


def _dhcp(network: Network, domain: str, services: str, *, routed: bool) -> Row | None:
    """The answers of DHCP. A default route is told where a router has the gateway's address."""
    v4 = network.v4
    if v4 is None or not v4.dhcp:
        return None
    options = {
        "server_id": v4.gateway or METADATA_ADDRESS,
        "server_mac": mac_for(network.id),
        "lease_time": str(_LEASE_S),
        "mtu": str(network.mtu),
    }
    servers = v4.dns or ((services,) if services else ())
    if servers:
        options["dns_server"] = f"{{{', '.join(servers)}}}"
    if domain:
        options["domain_name"] = f'"{domain}"'
    routes = [f"{METADATA_ADDRESS}/32,{services}"] if services else []
    routes += [f"{route.destination},{route.nexthop}" for route in v4.routes]
    if routed:  # who reads the routes does not read the router
        options["router"] = v4.gateway
        routes.append(f"0.0.0.0/0,{v4.gateway}")
    if routes:
        options["classless_static_route"] = f"{{{', '.join(routes)}}}"
    return _row("DHCP_Options", v4.id, cidr=v4.cidr, options=options)


def _dns(network: Network, ports: Iterable[Port], overlay: Overlay) -> Row | None:
    """Names of guests, alone and in the domain; of two with the same name the older one keeps it."""
    records: dict[str, str] = {}
    for port in ports:
        name = overlay.names.get(port.guest, "").partition(".")[0].lower() if port.guest else ""
        addresses = " ".join(address for _subnet, address in port.fixed_ips)
        if name and addresses:
            for full in (name, *((f"{name}.{overlay.domain}",) if overlay.domain else ())):
                records.setdefault(full, addresses)
    return _row("DNS", network.id, records=records) if network.subnets else None


class _Groups:
    """The port groups of all networks: a rule's remote group may have members on networks that a router joins."""

    def __init__(self, overlay: Overlay) -> None:
        self._rules = overlay.rules
        self._members: dict[NetworkId, dict[SecurityGroupId, list[Port]]] = {}
        for port in overlay.ports:
            if port.security and not port.is_internal:
                here = self._members.setdefault(port.network.id, {})
                for group in port.groups:
                    here.setdefault(group, []).append(port)
        self._joined: dict[NetworkId, set[NetworkId]] = {}
        for router in overlay.routers:
            joined = {port.network.id for port in router.interfaces}
            for network in joined:
                self._joined.setdefault(network, set()).update(joined)

    def rows(self, network: Network, guests: Sequence[Port], services: str) -> Iterator[Row]:
        """The port groups of one network, with their rules."""
        secured = [port for port in guests if port.security]
        yield from _group(
            f"secured/{network.id}", secured_name(network.id), secured, acls_of_network(network, services)
        )
        members = self._members.get(network.id, {})
        remote = self._remote(members)
        names = {group: self._names(group, network) for group in remote}
        for group in sorted({*members, *remote}):
            rules = self._rules.get(group, ()) if group in members else ()
            acls = acls_of_group(network, group, rules, names)
            yield from _group(f"{group}/{network.id}", group_name(group, network.id), members.get(group, []), acls)

    def _remote(self, members: Iterable[SecurityGroupId]) -> set[SecurityGroupId]:
        return {rule.remote_group for group in members for rule in self._rules.get(group, ()) if rule.remote_group}

    def _names(self, group: SecurityGroupId, network: Network) -> list[str]:
        """The port groups that have a group's members: on the network itself, and where routers lead."""
        others = sorted(self._joined.get(network.id, set()) - {network.id})
        where = [network.id, *(other for other in others if group in self._members.get(other, {}))]
        return [group_name(group, each) for each in where]


def _group(key: str, name: str, ports: Sequence[Port], acls: Iterable[Acl]) -> Iterator[Row]:
    made = {f"{key}/{acl.digest}": acl for acl in acls}
    for acl_key, acl in made.items():
        yield _row("ACL", acl_key, direction=acl.direction, priority=acl.priority, match=acl.match, action=acl.action)
    yield _row(
        "Port_Group",
        key,
        name=name,
        ports=Refs("Logical_Switch_Port", frozenset(port.id for port in ports)),
        acls=Refs("ACL", frozenset(made)),
    )


def _row(table: str, key: str, **columns: Value) -> Row:
    return Row(table, key, {**columns, "external_ids": {**OWNED, KEY: key}})
