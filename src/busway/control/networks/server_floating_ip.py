"""Floating addresses as the compute API has them: from pools, which are external networks, and leading to servers.

They are those of `floating_ip`. A caller needs the network API's right too, as with Nova, which asks Neutron with the caller's token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks.access import missing, scope, visible_floating_ip
from busway.control.networks.floating_ip import (
    NewFloatingIp,
    create_floating_ip,
    delete_floating_ip,
    free_floating_ip,
    update_floating_ip,
)
from busway.control.servers.access import server_row
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import ServerId
from busway.domain.network import Network
from busway.domain.router import FloatingIp
from busway.policy import authorize
from busway.store import network_list, networks, ports, router_list
from busway.store.database import Tx
from busway.store.network_list import NetworkFilter

_POOLS: Mapping[str, tuple[str, ...]] = {"router:external": ("true",)}


@dataclass(frozen=True, slots=True)
class PooledIp:
    """A floating address with the external network that it is of, and the server that it leads to."""

    floating: FloatingIp
    pool: Network
    server_id: ServerId | None


def list_pools(control: Control, caller: Caller) -> list[Network]:
    """Lists the external networks that the caller sees, oldest first."""
    with control.db.read() as tx:
        return network_list.list_network_page(tx, NetworkFilter(_POOLS, project_id=scope(caller)))


def list_pooled_ips(control: Control, caller: Caller) -> list[PooledIp]:
    """Lists the floating addresses of the caller's project, oldest first; an admin's own project too."""
    with control.db.read() as tx:
        return _pooled(tx, router_list.list_floating_page(tx, NetworkFilter(project_id=caller.project_id)))


def get_pooled_ip(control: Control, caller: Caller, floating_id: str) -> PooledIp:
    """Returns one floating address; raises `NotFound`."""
    with control.db.read() as tx:
        return _pooled(tx, [visible_floating_ip(tx, caller, floating_id)])[0]


def create_pooled_ip(control: Control, caller: Caller, pool: str | None) -> PooledIp:
    """Takes an address from a pool, named by its name or id; None is the default one, or else the only one.

    Raises `NotFound` for an unknown or empty pool, `Conflict` if several are meant, and `OverQuota`.
    """
    with control.db.read() as tx:
        found = _pool(tx, caller, pool)
    try:
        made = create_floating_ip(control, caller, NewFloatingIp(found.id))
    except Conflict as error:
        if error.code != "addresses-exhausted":
            raise
        raise NotFound(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    return PooledIp(made, found, None)


def delete_pooled_ip(control: Control, caller: Caller, floating_id: str) -> None:
    """Gives a floating address back, also one that leads to a server."""
    with control.db.read() as tx:
        owner = visible_floating_ip(tx, caller, floating_id).project_id
    authorize(caller, "delete_floatingip", {"project_id": owner})
    delete_floating_ip(control, caller, floating_id)


def lead_to_server(control: Control, caller: Caller, server_id: str, address: str, fixed_address: str | None) -> None:
    """Leads a floating address to a server, and away from where it led; to `fixed_address` of it, else to its first address.

    Raises `NotFound` for an address that is not the project's or that no router leads there, `BadInput` if the server has no such
    address or another floating address leads there.
    """
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "addFloatingIp")
        floating = _by_address(tx, caller, address)
        authorize(caller, "update_floatingip", {"project_id": floating.project_id})
        held = [port for port in ports.server_ports(tx, [row.id]).get(row.id, []) if port.address]
    port = next((port for port in held if fixed_address in (None, *port.addresses)), None)
    if port is None:
        raise BadInput(
            f"Specified fixed address {fixed_address} not assigned to instance {row.id}"
            if fixed_address is not None
            else f"Unable to associate floating IP {address}: instance {row.id} has no fixed IPv4 address",
            remedy=f"List its addresses: openstack port list --server {row.id}",
            code="floating-ip-port",
        )
    try:
        update_floating_ip(control, caller, floating.id, port_id=port.id, fixed_address=fixed_address or port.address)
    except Conflict as error:  # Nova answers 400 where Neutron has 409
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error


def take_from_server(control: Control, caller: Caller, server_id: str, address: str) -> None:
    """Takes a floating address from a server; raises `Conflict` if it does not lead there."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "removeFloatingIp")
        floating = _by_address(tx, caller, address)
        authorize(caller, "update_floatingip", {"project_id": floating.project_id})
        held = {port.id for port in ports.server_ports(tx, [row.id]).get(row.id, [])}
    if not free_floating_ip(control, caller, floating.id, held):
        raise Conflict(
            f"Floating IP {address} is not associated with instance {row.id}",
            remedy=f"See where it leads: openstack floating ip show {floating.id}",
            code="floating-ip-port",
        )


def _pool(tx: Tx, caller: Caller, pool: str | None) -> Network:
    wanted = NetworkFilter(_POOLS, project_id=scope(caller), limit=2)
    if pool is None:
        default = networks.find_default(tx)
        found = network_list.list_network_page(tx, wanted) if default is None else [default]
    else:
        by_id = replace(wanted, equal={**_POOLS, "id": (pool,)})
        by_name = replace(wanted, equal={**_POOLS, "name": (pool,)})
        found = network_list.list_network_page(tx, by_id) or network_list.list_network_page(tx, by_name)
    if len(found) == 1:
        return found[0]
    if found:
        raise Conflict(
            f"There are several pools {pool}" if pool else "There are several pools, and the request names none",
            remedy="Name one by its id: openstack network list --external",
            code="floating-ip-pool",
        )
    raise NotFound(
        f"Floating IP pool {pool} not found" if pool else "There is no pool of floating addresses",
        remedy="List them: openstack network list --external",
        code="floating-ip-pool",
    )


def _by_address(tx: Tx, caller: Caller, address: str) -> FloatingIp:
    wanted = NetworkFilter({"floating_ip_address": (address,)}, project_id=scope(caller), limit=1)
    for floating in router_list.list_floating_page(tx, wanted):
        return floating
    raise missing("floating ip", address)


def _pooled(tx: Tx, several: Sequence[FloatingIp]) -> list[PooledIp]:
    pools = {network.id: network for network in networks.list_networks(tx, ids={each.network_id for each in several})}
    led = ports.servers_of(tx, [each.port_id for each in several if each.port_id is not None])
    return [
        PooledIp(each, pools[each.network_id], led.get(each.port_id) if each.port_id is not None else None)
        for each in several
    ]
