"""The use cases of floating addresses: addresses of an external network that a router leads to a port."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import scope, visible_floating_ip, visible_network, visible_port
from busway.control.networks.overlay import TOPIC
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import FloatingIpId, NetworkId, PortId, ProjectId, RouterId
from busway.domain.network import FLOATING_IP, NOBODY, ROUTER_INTERFACE, Network, Port
from busway.domain.router import FloatingIp, Router
from busway.policy import authorize
from busway.store import floating_ips as store
from busway.store import port_addresses, ports, router_list, routers
from busway.store.database import Tx
from busway.store.network_list import EVERY_NETWORK, NetworkFilter


@dataclass(frozen=True, slots=True)
class NewFloatingIp:
    """The fields of a floating address that is to be created, in the caller's project unless another is given.

    `address` is a chosen one. With `port_id` it leads there at once, to `fixed_address` if that is given.
    """

    network_id: str
    subnet_id: str | None = None
    address: str | None = None
    port_id: str | None = None
    fixed_address: str | None = None
    description: str = ""
    project_id: ProjectId | None = None


def list_floating_ips(control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK) -> list[FloatingIp]:
    """Lists the floating addresses of the caller's project that match a filter; for an admin, those of all projects."""
    with control.db.read() as tx:
        return router_list.list_floating_page(tx, replace(wanted, project_id=scope(caller)))


def get_floating_ip(control: Control, caller: Caller, floating_id: str) -> FloatingIp:
    """Returns one floating address; raises `NotFound`."""
    with control.db.read() as tx:
        return visible_floating_ip(tx, caller, floating_id)


def create_floating_ip(control: Control, caller: Caller, wanted: NewFloatingIp) -> FloatingIp:
    """Takes an address of an external network for a project; an address of its own choice is an admin's.

    Raises `BadInput` for a network that is not external, `OverQuota`, and for a port the same as `update_floating_ip`.
    """
    owner = wanted.project_id or caller.project_id
    authorize(caller, "create_floatingip", {"project_id": owner})
    if wanted.address is not None:
        authorize(caller, "create_floatingip:floating_ip_address", {"project_id": owner})
    _refuse_address_alone(wanted.port_id, wanted.fixed_address)
    with control.db.write() as tx:
        quota.take_projects(control, tx, [owner])
        network = _external(tx, caller, wanted)
        quota.check(control, tx, owner, "floatingip")
        made_id, port_id = FloatingIpId(control.new_id()), PortId(control.new_id())
        [((address,), mac)] = port_addresses.take_cards(tx, network, [port_id], (wanted.address or "",))
        ports.add_port(
            tx,
            Port(
                port_id, network, NOBODY, None, address, mac, control.now(), own=True, security=False,
                device_owner=FLOATING_IP, device_id=made_id,
            ),
        )  # fmt: skip
        made = FloatingIp(made_id, owner, NetworkId(network.id), address, port_id, control.now(), wanted.description)
        store.add_floating_ip(tx, made)
        if wanted.port_id is not None:
            made = _led_to(tx, caller, made, wanted.port_id, wanted.fixed_address)
            made = store.save_floating_ip(tx, made)
    control.bell.ring(TOPIC)
    return made


def update_floating_ip(
    control: Control,
    caller: Caller,
    floating_id: str,
    *,
    description: str | None = None,
    port_id: str | bool | None = True,
    fixed_address: str | None = None,
) -> FloatingIp:
    """Leads a floating address to a port, or with `port_id` None to none; True leaves it as it is.

    Raises `NotFound` for a port that no router joins to the external network, `Conflict` for one that has a floating address.
    """
    with control.db.write() as tx:
        changed = visible_floating_ip(tx, caller, floating_id)
        if isinstance(port_id, str):
            changed = _led_to(tx, caller, changed, port_id, fixed_address)
        else:
            _refuse_address_alone(None, fixed_address)
        floating = visible_floating_ip(
            tx, caller, floating_id, lock=True
        )  # after its router and port, as all who lock these
        if port_id is not True:
            led = changed if isinstance(port_id, str) else _free(floating)
            floating = replace(floating, port_id=led.port_id, fixed_address=led.fixed_address, router_id=led.router_id)
        changed = replace(floating, description=floating.description if description is None else description)
        changed = store.save_floating_ip(tx, changed)
    control.bell.ring(TOPIC)
    return changed


def free_floating_ip(control: Control, caller: Caller, floating_id: str, port_ids: Collection[PortId]) -> bool:
    """Takes a floating address from whichever of these ports it leads to; returns False if it leads to none of them."""
    with control.db.write() as tx:
        floating = visible_floating_ip(tx, caller, floating_id, lock=True)
        if floating.port_id not in port_ids:
            return False
        store.save_floating_ip(tx, _free(floating))
    control.bell.ring(TOPIC)
    return True


def delete_floating_ip(control: Control, caller: Caller, floating_id: str) -> None:
    """Gives a floating address back."""
    with control.db.write() as tx:
        floating = visible_floating_ip(tx, caller, floating_id, lock=True)
        store.remove_floating_ip(tx, floating.id)
        ports.remove_port(tx, floating.own_port)
    control.bell.ring(TOPIC)


def _free(floating: FloatingIp) -> FloatingIp:
    return replace(floating, port_id=None, fixed_address="", router_id=None)


def _external(tx: Tx, caller: Caller, wanted: NewFloatingIp) -> Network:
    """Returns the external network, locked; raises `BadInput` unless it has addresses of IPv4 to give."""
    network = visible_network(tx, caller, wanted.network_id, lock=True)
    if not network.external:
        raise BadInput(
            f"Bad floatingip request: Network {network.id} is not a valid external network",
            remedy="List those: openstack network list --external",
            code="network-not-external",
        )
    if network.v4 is None or wanted.subnet_id not in (None, network.v4.id):
        raise BadInput(
            f"Bad floatingip request: Network {network.id} does not contain any IPv4 subnet"
            if network.v4 is None
            else f"Bad floatingip request: subnet {wanted.subnet_id} is not the IPv4 subnet of network {network.id}",
            remedy="Choose another external network.",
            code="network-not-external",
        )
    return network


def _refuse_address_alone(port_id: str | None, fixed_address: str | None) -> None:
    if port_id is None and fixed_address is not None:
        raise BadInput(
            "Bad floatingip request: fixed_ip_address cannot be specified without a port_id",
            remedy="Give the port too.",
            code="floating-ip-port",
        )


def _led_to(tx: Tx, caller: Caller, floating: FloatingIp, port_id: str, fixed_address: str | None) -> FloatingIp:
    """Returns the floating address as it leads to a port; locks the router, then the port."""
    port = visible_port(tx, caller, port_id)
    _refuse_port(floating, port, fixed_address)
    router = _router_between(tx, floating, port)
    port = visible_port(tx, caller, port_id, lock=True)
    _refuse_port(floating, port, fixed_address)  # again: it may be a router's by now
    others = [each for each in store.attached(tx, ports=[port.id]) if each.id != floating.id]
    if others:
        raise Conflict(
            f"Cannot associate floating IP {floating.address} ({floating.id}) with port {port.id} using fixed IP "
            f"{others[0].fixed_address}, as that fixed IP already has a floating IP on external network {others[0].network_id}",
            remedy=f"Take it away first: openstack floating ip unset --port {others[0].address}",
            code="floating-ip-port",
        )
    return replace(floating, port_id=port.id, fixed_address=fixed_address or port.address, router_id=router.id)


def _refuse_port(floating: FloatingIp, port: Port, fixed_address: str | None) -> None:
    if port.is_internal or port.project_id != floating.project_id:
        raise BadInput(
            f"Bad floatingip request: Port {port.id} is not one of project {floating.project_id} that a server can have, and "
            "therefore cannot be bound",
            code="floating-ip-port",
        )
    if not port.address or fixed_address not in (None, *port.addresses):
        raise BadInput(
            f"Bad floatingip request: Port {port.id} does not have fixed ip {fixed_address}"
            if fixed_address is not None
            else f"Bad floatingip request: Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses",
            code="floating-ip-port",
        )


def _router_between(tx: Tx, floating: FloatingIp, port: Port) -> Router:
    """Returns the router between a port's subnet and the external network, locked; raises `NotFound`."""
    joined = ports.internal_ports(tx, [port.network.id], ROUTER_INTERFACE)
    for known in routers.list_routers(tx, ids=[RouterId(each.device_id) for each in joined if each.address]):
        if known.gateway != floating.network_id:
            continue
        router = routers.find_router(tx, known.id, lock=True)
        if (
            router is not None
            and router.gateway == floating.network_id
            and any(own.network.id == port.network.id and own.address for own in router.interfaces)
        ):
            return router
    subnet = port.network.v4.id if port.network.v4 else ""
    raise NotFound(
        f"External network {floating.network_id} is not reachable from subnet {subnet}.  Therefore, cannot associate Port "
        f"{port.id} with a Floating IP.",
        detail="No router joins the subnet and has its gateway on the external network.",
        remedy="Add the subnet to one: openstack router add subnet ROUTER SUBNET",
        code="external-gateway-not-found",
    )
