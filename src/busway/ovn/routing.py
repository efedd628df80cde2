"""Routers in OVN's words: logical routers with their ports, routes and address translation. Pure.

A router's port is a pair: one row on the router, one on the switch of its network, which is of type `router`. The gateway port
is bound at one chassis at a time, the first of its gateway chassis that the others hear; there addresses are translated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from busway.domain.network import ROUTER_GATEWAY, Network, Port
from busway.domain.router import FloatingIp, Router
from busway.ovn.row import KEY, OWNED, Refs, Row, Value

MOST_GATEWAYS = 5  # chassis of one gateway port: OVN probes each of them from each of the others
_PAIR = 2


def rows_of_router(
    router: Router, floating: Iterable[FloatingIp], gateways: Mapping[str, Sequence[str]]
) -> Iterator[Row]:
    """The rows of a router; `gateways` are the chassis of each physical network, and all of them under ""."""
    outer = router.gateway_port
    chassis = _chassis(router, outer, gateways) if outer is not None else []
    yield from chassis
    ports = []
    for port in router.ports:
        bound = chassis if port.device_owner == ROUTER_GATEWAY else ()
        ports.append(_port(port, [row.key for row in bound]))
    routes, nat = list(_routes(router, outer)), list(_nat(router, outer, floating))
    yield from (*ports, *routes, *nat)
    yield _row(
        "Logical_Router",
        router.id,
        name=f"busway-{router.id}",
        enabled=router.up,
        ports=Refs("Logical_Router_Port", frozenset(row.key for row in ports)),
        static_routes=Refs("Logical_Router_Static_Route", frozenset(row.key for row in routes)),
        nat=Refs("NAT", frozenset(row.key for row in nat)),
    )


def port_on_switch(port: Port) -> Row:
    """The end of a router's port that is on the switch of its network."""
    gateway = {"nat-addresses": "router"} if port.device_owner == ROUTER_GATEWAY else {}
    return switch_port(port.id, "router", {"router"}, {"router-port": port_name(port), **gateway}, enabled=port.carries)


def way_out(network: Network) -> Row:
    """The port of an external network's switch that is the physical network, on the hosts that have a bridge on it."""
    tag = frozenset({network.vlan} if network.vlan else ())
    return switch_port(f"outside-{network.id}", "localnet", {"unknown"}, {"network_name": network.physical}, tag)


def switch_port(
    name: str,
    kind: str,
    addresses: set[str],
    options: Mapping[str, str],
    tag: frozenset[int] = frozenset(),
    *,
    enabled: bool = True,
) -> Row:
    """A port of a switch that no guest has, and that is no matter of security groups."""
    return _row(
        "Logical_Switch_Port",
        name,
        name=name,
        type=kind,
        enabled=enabled,
        addresses=frozenset(addresses),
        port_security=frozenset[str](),
        dhcpv4_options=Refs("DHCP_Options", frozenset()),
        options=options,
        tag=tag,
    )


def port_name(port: Port) -> str:
    """The name of the end of a port that is on its router."""
    return f"lrp-{port.id}"


def _port(port: Port, chassis: Sequence[str]) -> Row:
    network = port.network
    given = {f"{address}/{subnet.prefix}" for subnet, address in port.fixed_ips}
    announced = network.v6 is not None and network.v6.dhcp and port.address6 and port.device_owner != ROUTER_GATEWAY
    announcement = {"address_mode": "slaac", "send_periodic": "true", "mtu": str(network.mtu)}
    return _row(
        "Logical_Router_Port",
        port.id,
        name=port_name(port),
        mac=port.mac,
        networks=frozenset(given),
        gateway_chassis=Refs("Gateway_Chassis", frozenset(chassis)),
        ipv6_ra_configs=announcement if announced else {},
    )


def _chassis(router: Router, outer: Port, gateways: Mapping[str, Sequence[str]]) -> list[Row]:
    """Chassis of the gateway port: for each router in an order of its own, which stays when others come and go.

    One that hears no other chassis gives up its gateways, and takes none, unless it is the only one named (OVN's
    ha-chassis.c). So where there are two, one is named: if either dies, the other must not wait to hear it again.
    """
    offered = gateways.get(outer.network.physical, ())
    most = 1 if len(gateways.get("", ())) == _PAIR else MOST_GATEWAYS
    chosen = sorted(offered, key=lambda name: hashlib.sha256(f"{router.id}/{name}".encode()).digest())[:most]
    return [
        _row(
            "Gateway_Chassis",
            f"{outer.id}/{name}",
            name=f"{port_name(outer)}-{name}",
            chassis_name=name,
            priority=MOST_GATEWAYS - place,
        )
        for place, name in enumerate(chosen)
    ]


def _routes(router: Router, outer: Port | None) -> Iterator[Row]:
    own: set[tuple[str, str]] = set()
    if outer is not None:
        for subnet, _address in outer.fixed_ips:
            if subnet.gateway:
                everywhere = "::/0" if subnet.version == 6 else "0.0.0.0/0"
                own.add((everywhere, subnet.gateway))
                yield _route(router, everywhere, subnet.gateway, frozenset({port_name(outer)}))
    for route in router.routes:
        if (route.destination, route.nexthop) in own:
            continue  # it says what the gateway says: two rows would have one key
        yield _route(router, route.destination, route.nexthop)


def _route(router: Router, to: str, by: str, output: frozenset[str] = frozenset()) -> Row:
    return _row("Logical_Router_Static_Route", f"{router.id}/{to}/{by}", ip_prefix=to, nexthop=by, output_port=output)


def _nat(router: Router, outer: Port | None, floating: Iterable[FloatingIp]) -> Iterator[Row]:
    if outer is None:
        return
    inner = sorted({port.network.v4.cidr for port in router.interfaces if port.network.v4 and port.address})
    for cidr in inner if router.snat and outer.address else ():
        yield _translation(f"{router.id}/{cidr}", "snat", outer.address, cidr)
    for each in floating:
        yield _translation(each.id, "dnat_and_snat", each.address, each.fixed_address)


def _translation(key: str, kind: str, outside: str, inside: str) -> Row:
    return _row("NAT", key, type=kind, external_ip=outside, logical_ip=inside)


def _row(table: str, key: str, **columns: Value) -> Row:
    return Row(table, key, {**columns, "external_ids": {**OWNED, KEY: key}})
