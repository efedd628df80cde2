"""The use cases of routers: the router itself, its gateway on an external network, and its routes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import scope, visible_network, visible_router
from busway.control.networks.overlay import TOPIC
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict
from busway.domain.guest_network import HostRoute, plain_address, plain_network, slaac_address
from busway.domain.ids import NetworkId, PortId, ProjectId, RouterId
from busway.domain.network import NOBODY, ROUTER_GATEWAY, Network, Port
from busway.domain.router import MAX_ROUTES, Router
from busway.policy import authorize
from busway.store import floating_ips, port_addresses, port_list, ports, router_list
from busway.store import routers as store
from busway.store.database import Tx
from busway.store.network_list import EVERY_NETWORK, NetworkFilter


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that a request asks for; None leaves whether addresses are translated as it is, or True at first.

    `addresses` are chosen ones on the external network, each with the id of its subnet or "" for whichever has it.
    """

    network_id: str
    snat: bool | None = None
    addresses: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class NewRouter:
    """The fields of a router that is to be created, in the caller's project unless another is given."""

    name: str
    description: str = ""
    up: bool = True
    gateway: Gateway | None = None
    project_id: ProjectId | None = None


def list_routers(control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK) -> list[Router]:
    """Lists the routers of the caller's project that match a filter; for an admin, those of all projects."""
    with control.db.read() as tx:
        return router_list.list_router_page(tx, replace(wanted, project_id=scope(caller)))


def get_router(control: Control, caller: Caller, router_id: str) -> Router:
    """Returns one router; raises `NotFound`."""
    with control.db.read() as tx:
        return visible_router(tx, caller, router_id)


def create_router(control: Control, caller: Caller, wanted: NewRouter) -> Router:
    """Creates a router, with a gateway if one is wanted; raises `OverQuota`, and `BadInput` for a network that is not external."""
    owner = wanted.project_id or caller.project_id
    authorize(caller, "create_router", {"project_id": owner})
    if wanted.gateway is not None:
        _authorize_gateway(caller, "create", wanted.gateway, owner)
    with control.db.write() as tx:
        quota.take_projects(control, tx, [owner])
        outer = None if wanted.gateway is None else _external(tx, caller, wanted.gateway.network_id)
        made = Router(RouterId(control.new_id()), owner, wanted.name, control.now(), wanted.description, wanted.up)
        made = add_router(control, tx, made, wanted.gateway, outer)
    control.bell.ring(TOPIC)
    return made


def add_router(control: Control, tx: Tx, router: Router, gateway: Gateway | None, outer: Network | None) -> Router:
    """Stores a new router within its owner's quota, with a gateway on an external network, which is locked, or without."""
    quota.check(control, tx, router.project_id, "router")
    store.add_router(tx, router)
    if gateway is None or outer is None:
        return router
    return _with_gateway(control, tx, router, gateway, outer)


def update_router(
    control: Control,
    caller: Caller,
    router_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    up: bool | None = None,
    gateway: Gateway | bool | None = True,
    routes: Sequence[HostRoute] | None = None,
) -> Router:
    """Changes a router; None leaves a field unchanged, and `gateway` True does; None takes the gateway away.

    Raises `Conflict` if floating addresses need the gateway, `BadInput` for a route that leads nowhere.
    """
    with control.db.write() as tx:
        # External networks are locked before routers, and routers before the networks that they join.
        outer = _external(tx, caller, gateway.network_id) if isinstance(gateway, Gateway) else None
        router = visible_router(tx, caller, router_id, lock=True)
        if isinstance(gateway, Gateway) and outer is not None:
            _authorize_gateway(caller, "update", gateway, router.project_id)
            router = _changed_gateway(control, tx, router, gateway, outer)
        elif gateway is None:
            router = _without_gateway(tx, router)
        changed = replace(
            router,
            name=router.name if name is None else name,
            description=router.description if description is None else description,
            up=router.up if up is None else up,
            routes=_kept_routes(router) if routes is None else _routes(router, routes),
        )
        changed = store.save_router(tx, changed)
    control.bell.ring(TOPIC)
    return changed


def add_routes(control: Control, caller: Caller, router_id: str, routes: Sequence[HostRoute]) -> Router:
    """Adds routes to a router's, all or none; one that it has already stays. Raises `BadInput` for one that leads nowhere."""
    with control.db.write() as tx:
        router = visible_router(tx, caller, router_id, lock=True)
        wanted = dict.fromkeys([*router.routes, *_routes(router, routes)])
        changed = replace(router, routes=_routes(router, tuple(wanted)))
        store.save_router(tx, changed)
    control.bell.ring(TOPIC)
    return changed


def remove_routes(control: Control, caller: Caller, router_id: str, routes: Sequence[HostRoute]) -> Router:
    """Removes routes from a router's; one that it does not have is passed over, as in Neutron."""
    with control.db.write() as tx:
        router = visible_router(tx, caller, router_id, lock=True)
        unwanted = {HostRoute(*map(str, _parsed(each))) for each in routes}
        changed = replace(router, routes=tuple(each for each in router.routes if each not in unwanted))
        store.save_router(tx, changed)
    control.bell.ring(TOPIC)
    return changed


def delete_router(control: Control, caller: Caller, router_id: str) -> None:
    """Deletes a router with its gateway; raises `Conflict` while it joins subnets."""
    with control.db.write() as tx:
        drop_router(tx, visible_router(tx, caller, router_id, lock=True))
    control.bell.ring(TOPIC)


def drop_router(tx: Tx, router: Router) -> None:
    """Deletes a router, which is locked, with its gateway; raises `Conflict` while it joins subnets."""
    if router.interfaces:
        raise Conflict(
            f"Router {router.id} still has ports",
            detail=f"It joins {len(router.interfaces)} subnets.",
            remedy=f"Take them from it first: openstack router remove port {router.id} {router.interfaces[0].id}",
            code="router-in-use",
        )
    if router.gateway_port is not None:
        ports.remove_port(tx, router.gateway_port.id)
    store.remove_router(tx, router.id)


def _authorize_gateway(caller: Caller, doing: str, gateway: Gateway, owner: ProjectId) -> None:
    rule, target = f"{doing}_router:external_gateway_info", {"project_id": owner}
    authorize(caller, rule, target)
    if gateway.snat is not None:
        authorize(caller, f"{rule}:enable_snat", target)
    if gateway.addresses is not None:
        authorize(caller, f"{rule}:external_fixed_ips", target)


def _external(tx: Tx, caller: Caller, network_id: str) -> Network:
    """Returns an external network, locked; raises `NotFound`, or `BadInput` for another network."""
    network = visible_network(tx, caller, network_id, lock=True)
    if not network.external:
        raise BadInput(
            f"Bad router request: Network {network.id} is not an external network",
            remedy="List those: openstack network list --external",
            code="network-not-external",
        )
    return network


def _changed_gateway(control: Control, tx: Tx, router: Router, wanted: Gateway, outer: Network) -> Router:
    if router.gateway == outer.id and wanted.addresses is None:
        return replace(router, snat=router.snat if wanted.snat is None else wanted.snat)
    if router.gateway is not None:
        if router.gateway != outer.id:
            _refuse_floating(tx, router)
        wanted = replace(wanted, snat=router.snat if wanted.snat is None else wanted.snat)
        router = _dropped_gateway(tx, router)
    return _with_gateway(control, tx, router, wanted, outer)


def _without_gateway(tx: Tx, router: Router) -> Router:
    if router.gateway is None:
        return router
    _refuse_floating(tx, router)
    return _dropped_gateway(tx, router)


def _refuse_floating(tx: Tx, router: Router) -> None:
    if held := floating_ips.attached(tx, routers=[router.id]):
        raise Conflict(
            f"Gateway cannot be updated for router {router.id}, since a gateway to external network {router.gateway} is "
            "required by one or more floating IPs",
            detail=f"They are {', '.join(each.address for each in held[:5])}{', …' if len(held) > 5 else ''}.",
            remedy="Take them from their ports first: openstack floating ip unset --port FLOATING_IP",
            code="router-in-use",
        )


def _dropped_gateway(tx: Tx, router: Router) -> Router:
    if router.gateway_port is not None:
        ports.remove_port(tx, router.gateway_port.id)
    return replace(router, gateway=None, snat=True, ports=router.interfaces)


def _with_gateway(control: Control, tx: Tx, router: Router, wanted: Gateway, outer: Network) -> Router:
    """Returns the router with a port on the external network, which is locked; both are stored."""
    if not outer.subnets:
        raise BadInput(
            f"No IPs available for external network {outer.id}",
            detail="It has no subnet.",
            remedy="Ask an admin for one: openstack subnet create --network NETWORK --no-dhcp",
            code="network-not-external",
        )
    refuse_overlap(router, outer)
    port_id = PortId(control.new_id())
    chosen = _chosen(outer, wanted.addresses or ())
    [(addresses, mac)] = port_addresses.take_cards(tx, outer, [port_id], (chosen.get(4, ""),))
    v6 = chosen.get(6) or (slaac_address(outer.v6.cidr, mac) if outer.v6 else "")
    if 6 in chosen and port_list.find_holder(tx, outer.id, v6) is not None:
        raise Conflict(f"Address {v6} on network {outer.name} is in use", code="address-taken")
    port = Port(
        port_id, outer, NOBODY, None, "".join(addresses), mac, control.now(), own=True, security=False,
        device_owner=ROUTER_GATEWAY, device_id=router.id, fixed6=v6,
    )  # fmt: skip
    ports.add_port(tx, port)
    snat = True if wanted.snat is None else wanted.snat
    made = replace(router, gateway=NetworkId(outer.id), snat=snat, ports=(*router.interfaces, port))
    return store.save_router(tx, made)


def _chosen(outer: Network, wanted: Sequence[tuple[str, str]]) -> dict[int, str]:
    """Returns the addresses that were asked for by IP version; raises `BadInput` for one that is not the network's."""
    known = {subnet.id: subnet for subnet in outer.subnets}
    found: dict[int, str] = {}
    for subnet_id, address in wanted:
        if subnet_id and subnet_id not in known:
            raise BadInput(f"Subnet {subnet_id} is not of the external network {outer.id}", code="subnet-not-found")
        if not address:
            continue
        try:
            one = plain_address(address)
        except ValueError as error:
            raise BadInput(f"{address[:60]} is not an IP address", detail=f"{error}.", code="router-gateway") from error
        within = [each for each in outer.subnets if one in ip_network(each.cidr)]
        if (
            not within
            or one.version in found
            or (subnet_id and within[0].id != subnet_id)
            or str(one) == within[0].gateway
        ):
            raise BadInput(
                f"IP address {address} can't be that of a gateway on network {outer.name}",
                detail="A gateway has one address of each IP version, of the network's subnets, which the network's own "
                "gateway does not have.",
                remedy="Choose another, or omit ip_address.",
                code="router-gateway",
            )
        found[one.version] = str(one)
    return found


def refuse_overlap(router: Router, network: Network, versions: Collection[int] = (4, 6)) -> None:
    """Raises `BadInput` if subnets of a network have addresses that the router reaches elsewhere."""
    for port in router.ports:
        for theirs, _address in port.fixed_ips:
            for mine in network.subnets:
                if mine.version not in versions or mine.version != theirs.version:
                    continue
                if mine.id == theirs.id:
                    raise BadInput(
                        f"Bad router request: Router already has a port on subnet {mine.id}", code="router-interface"
                    )
                if ip_network(mine.cidr).overlaps(ip_network(theirs.cidr)):
                    raise BadInput(
                        f"Bad router request: Cidr {mine.cidr} of subnet {mine.id} overlaps with cidr {theirs.cidr} of "
                        f"subnet {theirs.id}",
                        remedy="Join networks with different addresses.",
                        code="router-interface",
                    )


def _routes(router: Router, wanted: Sequence[HostRoute]) -> tuple[HostRoute, ...]:
    """Returns the routes, normalized; raises `BadInput` for one whose next hop the router does not reach itself."""
    if len(wanted) > MAX_ROUTES:
        raise _bad_route(f"{len(wanted)} routes are too many", f"Give at most {MAX_ROUTES}.")
    own = {address for port in router.ports for _subnet, address in port.fixed_ips}
    reached = _reached(router)
    found = []
    for route in wanted:
        to, by = _parsed(route)
        if to.version != by.version:
            raise _bad_route(f"The route to {to} by {by} has two IP versions", "Give both of one.")
        if not any(by.version == each.version and by in each for each in reached):
            raise _bad_route(
                f"Invalid format for routes: the nexthop {by} is not connected with router",
                "Choose one on its subnets.",
            )
        if str(by) in own:
            raise _bad_route(f"Invalid format for routes: the nexthop {by} is used by router", "Choose another.")
        found.append(HostRoute(str(to), str(by)))
    if len(set(found)) != len(found):
        raise _bad_route("Invalid format for routes: a route is there twice", "Give each once.")
    return tuple(found)


def _parsed(route: HostRoute) -> tuple[IPv4Network | IPv6Network, IPv4Address | IPv6Address]:
    try:
        return plain_network(route.destination), plain_address(route.nexthop)
    except ValueError as error:
        raise _bad_route("A route needs a network and an address", f"{error}.") from error


def _kept_routes(router: Router) -> tuple[HostRoute, ...]:
    """Returns the routes that a router has; raises `Conflict` if one led by the gateway that it no longer has."""
    reached = _reached(router)
    for route in router.routes:
        by = ip_address(route.nexthop)
        if not any(by in each for each in reached):
            raise Conflict(
                f"Gateway cannot be updated for router {router.id}, since it is required by one or more routes",
                detail=f"One leads to {route.destination} by {route.nexthop}.",
                remedy="Remove them first: openstack router unset --route destination=SUBNET,gateway=ADDRESS",
                code="router-in-use",
            )
    return router.routes


def _reached(router: Router) -> list[IPv4Network | IPv6Network]:
    """Returns the subnets that a router has ports on."""
    return [ip_network(subnet.cidr) for port in router.ports for subnet, _address in port.fixed_ips]


def _bad_route(brief: str, remedy: str) -> BadInput:
    return BadInput(brief, remedy=remedy, code="router-routes")
