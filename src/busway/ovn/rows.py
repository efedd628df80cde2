"""The rows of the northbound database that overlay networks are, with their ports and security groups. Pure.

A network is a logical switch; a port is a port of it, with its addresses, anti-spoofing and DHCP; a security group is, on each
network where it has ports, a port group with its rules. OVN keeps the addresses of a port group's ports as address sets,
which rules with a remote group use: members on one network, never those of another that may have the same addresses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from busway.domain.guest_network import METADATA_ADDRESS, NicRule, link_local, services_name
from busway.domain.ids import SecurityGroupId, ServerId
from busway.domain.network import Network, Port, mac_for
from busway.ovn.acl import Acl, acls_of_group, acls_of_network, group_name, secured_name
from busway.ovn.row import KEY, OWNED, Refs, Row, Value

_LEASE_S = 86400


@dataclass(frozen=True, slots=True)
class Overlay:
    """All that the northbound database must say: networks of the driver `overlay` with all their ports, oldest first.

    `rules` are those of each group of the ports; `names` are the servers' host names; `chassis` are those of the hosts that
    have a server, its own host first: two while it moves, none for one whose host does not tell.
    """

    networks: Sequence[Network] = ()
    ports: Sequence[Port] = ()
    rules: Mapping[SecurityGroupId, Sequence[NicRule]] = field(default_factory=dict)
    names: Mapping[ServerId, str] = field(default_factory=dict)
    domain: str = ""
    chassis: Mapping[ServerId, tuple[str, ...]] = field(default_factory=dict)


def rows_of(overlay: Overlay) -> tuple[Row, ...]:
    """The rows, in an order that is the same for the same values."""
    ports: dict[str, list[Port]] = {network.id: [] for network in overlay.networks}
    for port in overlay.ports:
        ports[port.network.id].append(port)
    rows: list[Row] = []
    for network in overlay.networks:
        rows += _network(network, ports[network.id], overlay)
    return tuple(rows)


def _network(network: Network, ports: Sequence[Port], overlay: Overlay) -> Iterator[Row]:
    here = [_port(network, port, overlay.chassis.get(port.server_id, ()) if port.server_id else ()) for port in ports]
    services = _services(network)
    if services is not None:
        here.append(services)
    yield from here
    dhcp, dns = _dhcp(network, overlay.domain), _dns(network, ports, overlay)
    yield from (row for row in (dhcp, dns) if row is not None)
    yield _row(
        "Logical_Switch",
        network.id,
        name=f"busway-{network.id}",
        other_config={},
        ports=Refs("Logical_Switch_Port", frozenset(row.key for row in here)),
        acls=Refs("ACL", frozenset()),  # rules are on port groups
        dns_records=Refs("DNS", frozenset({dns.key} if dns else ())),
    )
    yield from _groups(network, ports, overlay)


def _port(network: Network, port: Port, chassis: Sequence[str]) -> Row:
    own = " ".join((port.mac, *(address for _subnet, address in port.fixed_ips)))
    others = {pair.mac for pair in port.pairs} - {port.mac}
    return _row(
        "Logical_Switch_Port",
        port.id,
        name=port.id,
        type="",
        enabled=port.up,
        addresses=frozenset({own, *others} if port.security else {own, "unknown"}),
        port_security=frozenset(_senders(port) if port.security else ()),
        dhcpv4_options=Refs("DHCP_Options", frozenset({network.v4.id} if _has_dhcp(network) and network.v4 else ())),
        # No other chassis may bind the port, whatever is plugged in there under its id.
        options={"requested-chassis": ",".join(dict.fromkeys(chassis))} if chassis else {},
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


def _services(network: Network) -> Row | None:
    """A port that is on every host: OVN answers ARP for it, and the host's agent what is asked there."""
    if network.v4 is None or not network.v4.gateway:
        return None
    return _row(
        "Logical_Switch_Port",
        services_name(network.id),
        name=services_name(network.id),
        type="localport",
        enabled=True,
        addresses=frozenset({f"{mac_for(network.id)} {network.v4.gateway}"}),
        port_security=frozenset(),
        dhcpv4_options=Refs("DHCP_Options", frozenset()),
        options={},
    )


def _has_dhcp(network: Network) -> bool:
    return network.v4 is not None and network.v4.dhcp


def _dhcp(network: Network, domain: str) -> Row | None:
    """The answers of DHCP. No default route is told: no router is there yet that would take what is sent to it."""
    v4 = network.v4
    if v4 is None or not v4.dhcp:
        return None
    options = {
        "server_id": v4.gateway or METADATA_ADDRESS,
        "server_mac": mac_for(network.id),
        "lease_time": str(_LEASE_S),
        "mtu": str(network.mtu),
    }
    servers = (*v4.dns, *(() if v4.dns or not v4.gateway else (v4.gateway,)))
    if servers:
        options["dns_server"] = f"{{{', '.join(servers)}}}"
    if domain:
        options["domain_name"] = f'"{domain}"'
    routes = [f"{METADATA_ADDRESS}/32,{v4.gateway}"] if v4.gateway else []
    routes += [f"{route.destination},{route.nexthop}" for route in v4.routes]
    if routes:
        options["classless_static_route"] = f"{{{', '.join(routes)}}}"
    return _row("DHCP_Options", v4.id, cidr=v4.cidr, options=options)


def _dns(network: Network, ports: Iterable[Port], overlay: Overlay) -> Row | None:
    """Names of guests, alone and in the domain; of two with the same name the older one keeps it."""
    records: dict[str, str] = {}
    for port in ports:
        name = overlay.names.get(port.server_id, "").partition(".")[0].lower() if port.server_id else ""
        addresses = " ".join(address for _subnet, address in port.fixed_ips)
        if name and addresses:
            for full in (name, *((f"{name}.{overlay.domain}",) if overlay.domain else ())):
                records.setdefault(full, addresses)
    return _row("DNS", network.id, records=records) if network.subnets else None


def _groups(network: Network, ports: Sequence[Port], overlay: Overlay) -> Iterator[Row]:
    secured = [port for port in ports if port.security]
    yield from _group(f"secured/{network.id}", secured_name(network.id), secured, acls_of_network(network))
    members: dict[SecurityGroupId, list[Port]] = {}
    for port in secured:
        for group in port.groups:
            members.setdefault(group, []).append(port)
    for group in sorted({*members, *_remote(members, overlay)}):
        rules = overlay.rules.get(group, ()) if group in members else ()
        name = group_name(group, network.id)
        yield from _group(f"{group}/{network.id}", name, members.get(group, []), acls_of_group(network, group, rules))


def _remote(members: Collection[SecurityGroupId], overlay: Overlay) -> set[SecurityGroupId]:
    return {rule.remote_group for group in members for rule in overlay.rules.get(group, ()) if rule.remote_group}


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
