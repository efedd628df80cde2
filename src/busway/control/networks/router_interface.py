"""The use cases of a router's interfaces: the subnets that it joins.

A router can join networks of type geneve only. Where it has the gateway's address, hosts no longer answer their guests there;
they get an address of their own, on a port of the network itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import own_network, own_subnet, visible_port, visible_router
from busway.control.networks.changes import note_network, tell_hosts
from busway.control.networks.overlay import TOPIC
from busway.control.networks.port import internal_port
from busway.control.networks.router import refuse_overlap
from busway.control.networks.trunk import refuse_parent_or_subport
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import PortId
from busway.domain.network import NOBODY, ROUTER_INTERFACE, SERVICES, Network, Port, Subnet
from busway.domain.router import MAX_INTERFACES, Router
from busway.store import floating_ips, networks, port_addresses, port_list, ports, routers
from busway.store.database import Tx
from busway.store.revision import revise


@dataclass(frozen=True, slots=True)
class Interface:
    """A router's port on a network, with the subnets that it has addresses of."""

    router: Router
    port: Port

    @property
    def subnets(self) -> tuple[str, ...]:
        """The ids of its subnets."""
        return tuple(subnet.id for subnet, _address in self.port.fixed_ips)


def add_interface(
    control: Control, caller: Caller, router_id: str, *, subnet_id: str | None = None, port_id: str | None = None
) -> Interface:
    """Joins a subnet at its gateway's address, or with a port of the caller's.

    Raises `BadInput` for a subnet that overlaps with what the router joins already, that has no gateway, or whose network is
    not of type geneve; `Conflict` if the address or the port is in use.
    """
    if (subnet_id is None) == (port_id is None):
        raise BadInput(
            "Bad router request: Either subnet_id or port_id must be specified"
            if subnet_id is None
            else "Bad router request: Cannot specify both subnet-id and port-id",
            code="router-interface",
        )
    with control.db.write() as tx:
        known = visible_router(tx, caller, router_id)
        quota.take_projects(control, tx, [known.project_id])
        # All lock in one order: networks, routers, ports, floating addresses.
        if port_id is not None:
            network = own_network(tx, caller, visible_port(tx, caller, port_id).network.id, "join a router to")
            router = _with_room(visible_router(tx, caller, router_id, lock=True))
            given = _given(tx, caller, network, port_id)
            refuse_overlap(router, network, [subnet.version for subnet, _address in given.fixed_ips])
            made = join(control, tx, router, network, given)
        else:
            network, subnet = own_subnet(tx, caller, str(subnet_id), "join a router to")
            router = _with_room(visible_router(tx, caller, router_id, lock=True))
            _require_overlay(network)
            refuse_overlap(router, network, [subnet.version])
            made = join(control, tx, router, network, subnet)
    tell_hosts(control)
    control.bell.ring(TOPIC)
    return Interface(replace(router, ports=(*router.ports, made)), made)


def join(control: Control, tx: Tx, router: Router, network: Network, at: Port | Subnet) -> Port:
    """Makes a port the router's, or a new one at a subnet's gateway; the caller has locked and checked network and router."""
    if isinstance(at, Subnet):
        quota.check(control, tx, router.project_id, "port")
        port = _at_gateway(control, tx, router, network, at)
    else:
        port = at
    made = replace(
        port, own=True, security=False, groups=(), pairs=(), device_owner=ROUTER_INTERFACE, device_id=router.id,
        fixed6=port.address6,
    )  # fmt: skip
    if isinstance(at, Subnet):
        ports.add_port(tx, made)
    else:
        made = ports.save_port(tx, made)
    revise(tx, routers.routers, router.id)
    _place_services(control, tx, network)
    note_network(tx, network, control.now())
    return made


def remove_interface(
    control: Control, caller: Caller, router_id: str, *, subnet_id: str | None = None, port_id: str | None = None
) -> Interface:
    """Takes a router's port away; raises `Conflict` if a floating address or a route needs it, `NotFound` if there is none."""
    if subnet_id is None and port_id is None:
        raise BadInput("Bad router request: Either subnet_id or port_id must be specified", code="router-interface")
    with control.db.write() as tx:
        known = _of_router(visible_router(tx, caller, router_id), subnet_id, port_id)
        networks.find_network(tx, known.network.id, lock=True)  # before the router, as all who lock both
        router = visible_router(tx, caller, router_id, lock=True)
        port = _of_router(router, subnet_id, port_id)
        router = part(control, tx, router, port)
    tell_hosts(control)
    control.bell.ring(TOPIC)
    return Interface(router, port)


def part(control: Control, tx: Tx, router: Router, port: Port) -> Router:
    """Returns the router without one of its interfaces; the caller has locked its network and the router.

    Raises `Conflict` if a floating address or a route needs it.
    """
    _refuse_used(tx, router, port)
    ports.remove_port(tx, port.id)
    revise(tx, routers.routers, router.id)
    _place_services(control, tx, port.network)
    note_network(tx, port.network, control.now())
    return replace(router, ports=tuple(each for each in router.ports if each.id != port.id))


def _with_room(router: Router) -> Router:
    if len(router.interfaces) >= MAX_INTERFACES:
        raise BadInput(
            f"Bad router request: Router {router.id} already joins {len(router.interfaces)} subnets",
            detail=f"A router joins at most {MAX_INTERFACES}.",
            remedy="Take another router.",
            code="router-interface",
        )
    return router


def _given(tx: Tx, caller: Caller, network: Network, port_id: str) -> Port:
    port = visible_port(tx, caller, port_id, lock=True)
    if port.is_internal and port.device_owner != ROUTER_INTERFACE:
        raise internal_port(port)
    if port.is_internal or port.server_id is not None:
        raise Conflict(
            f"Unable to complete operation on port {port.id} for network {network.id}. Port already has an attached device "
            f"{port.server_id or port.device_id}",
            code="port-in-use",
        )
    refuse_parent_or_subport(tx, port)
    _require_overlay(network)
    if held := floating_ips.attached(tx, ports=[port.id]):
        raise Conflict(
            f"Port {port.id} can't be that of a router: floating IP {held[0].address} leads to it",
            remedy=f"Take it away first: openstack floating ip unset --port {held[0].id}",
            code="port-in-use",
        )
    if not port.fixed_ips:
        raise BadInput(
            "Bad router request: Router port must have at least one fixed IP",
            detail=f"Network {network.name} has no subnet.",
            code="router-interface",
        )
    return port


def _require_overlay(network: Network) -> None:
    if network.driver != OVERLAY or network.external:
        kind = "is external" if network.external else f"lies on its hosts as {network.driver}"
        raise BadInput(
            f"Bad router request: network {network.name} can't be joined to a router",
            detail=f"Only networks of type geneve can; this one {kind}.",
            remedy="Create one: openstack network create --provider-network-type geneve NAME",
            code="router-network",
        )


def _at_gateway(control: Control, tx: Tx, router: Router, network: Network, subnet: Subnet) -> Port:
    """Returns a new port with the address of a subnet's gateway; it is not stored yet."""
    if not subnet.gateway:
        raise BadInput(
            "Bad router request: Subnet for router interface must have a gateway IP",
            remedy="Give it one (openstack subnet set --gateway), or join a port: openstack router add port",
            code="router-interface",
        )
    if port_list.find_holder(tx, network.id, subnet.gateway) is not None:
        raise Conflict(
            f"IP address {subnet.gateway} already allocated in subnet {subnet.id}",
            detail="Another router joins the subnet at its gateway's address.",
            remedy="Join a port with another address: openstack router add port",
            code="address-taken",
        )
    port_id = PortId(control.new_id())
    mac = port_addresses.take_mac(tx, port_id)
    v4 = subnet.version == 4
    return Port(
        port_id, network, router.project_id, None, subnet.gateway if v4 else "", mac, control.now(), own=True,
        device_owner=ROUTER_INTERFACE, fixed6="" if v4 else subnet.gateway,
    )  # fmt: skip


def _place_services(control: Control, tx: Tx, network: Network) -> None:
    """Gives hosts an address of their own on a network whose gateway's address a router has, and takes it away after that."""
    mine = ports.internal_ports(tx, [network.id], SERVICES)
    joined = ports.internal_ports(tx, [network.id], ROUTER_INTERFACE)
    needed = (
        network.v4 is not None
        and bool(network.v4.gateway)
        and network.v4.gateway in {address for each in joined for address in each.addresses}
    )
    if needed and not mine:
        port_id = PortId(control.new_id())
        [((address,), mac)] = port_addresses.take_cards(tx, network, [port_id])
        ports.add_port(
            tx,
            Port(
                port_id, network, NOBODY, None, address, mac, control.now(), own=True, security=False,
                device_owner=SERVICES, device_id=f"ovnmeta-{network.id}"[:36],
            ),
        )  # fmt: skip
    for each in () if needed else mine:
        ports.remove_port(tx, each.id)


def _of_router(router: Router, subnet_id: str | None, port_id: str | None) -> Port:
    for port in router.interfaces:
        on = any(subnet.id == subnet_id for subnet, _address in port.fixed_ips)
        if port_id is not None and port.id == port_id:
            if subnet_id is not None and not on:
                raise BadInput(
                    f"Subnet {subnet_id} does not match port {port.id}'s subnets",
                    remedy="Give the port alone.",
                    code="router-interface",
                )
            return port
        if port_id is None and on:
            return port
    raise NotFound(
        f"Router {router.id} does not have an interface with id {port_id}"
        if port_id is not None
        else f"Router {router.id} has no interface on subnet {subnet_id}",
        remedy=f"List them: openstack port list --router {router.id}",
        code="router-interface-not-found",
    )


def _refuse_used(tx: Tx, router: Router, port: Port) -> None:
    subnets = {subnet.id for subnet, _address in port.fixed_ips}
    if port.address and ports.has_floating(tx, port.network.id, router.id):
        raise Conflict(
            f"Router interface for subnet {', '.join(sorted(subnets))} on router {router.id} cannot be deleted, as it is "
            "required by one or more floating IPs",
            remedy="Take them from their ports first: openstack floating ip unset --port FLOATING_IP",
            code="router-in-use",
        )
    reached = [ip_network(subnet.cidr) for subnet, _address in port.fixed_ips]
    if any(ip_address(route.nexthop) in each for route in router.routes for each in reached):
        raise Conflict(
            f"Router interface for subnet {', '.join(sorted(subnets))} on router {router.id} cannot be deleted, as it is "
            "required by one or more routes",
            remedy="Remove them first: openstack router unset --route destination=SUBNET,gateway=ADDRESS",
            code="router-in-use",
        )
