"""Use cases of a server's user: give one of its ports another address of its network, or take one away.

They are Nova's `addFixedIp` and `removeFixedIp`. A caller needs the network API's right too, as with Nova, which asks Neutron with
the caller's token. The guest may use an added address at once; it is told only its first one by DHCP, and all on its drive.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from busway.control.context import Control
from busway.control.networks.access import visible_port
from busway.control.networks.changes import tell_hosts
from busway.control.networks.fixed_ips import replaced
from busway.control.servers.access import idle_server, note_action
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.network import MAX_FIXED_IPS, Port
from busway.domain.server import ServerStatus
from busway.policy import authorize
from busway.store import networks, port_addresses, ports, security_groups
from busway.store.database import Tx
from busway.store.servers import ServerRow

ADD, REMOVE = "addFixedIp", "removeFixedIp"
_STATES = {ServerStatus.ACTIVE, ServerStatus.PAUSED, ServerStatus.SHUTOFF}


def add_fixed_ip(control: Control, caller: Caller, server_id: str, network_id: str, request_id: str) -> None:
    """Gives a server's port on a network one more free address.

    Raises `NotFound` if it has none there with room for one, `Conflict` if the network has no free address.
    """
    with control.db.write() as tx:
        row = idle_server(tx, caller, server_id, ADD, _STATES)
        networks.find_network(tx, network_id, lock=True)  # before the port, as all who lock both
        held = ports.server_ports(tx, [row.id]).get(row.id, [])
        able = [each for each in held if each.network.id == network_id and 0 < len(each.addresses) < MAX_FIXED_IPS]
        if not able:
            raise NotFound(
                f"Network could not be found for instance {row.id}",
                detail=f"It has no port on network {network_id} with fewer than {MAX_FIXED_IPS} IPv4 addresses.",
                remedy=f"List its ports: openstack port list --server {row.id}",
                code="interface-not-found",
            )
        port = _locked(tx, caller, able[0])
        added = port_addresses.take_addresses(tx, port.network, [""])
        _save(control, tx, caller, row, replace(port, further=(*port.further, *added)), ADD, request_id)
    tell_hosts(control)


def remove_fixed_ip(control: Control, caller: Caller, server_id: str, address: str, request_id: str) -> None:
    """Takes an address from a server's port; its next one is then its first.

    `address` is one. Raises `BadInput` if no port has it, `Conflict` for the only one of a subnet, or if a floating address leads there.
    """
    with control.db.write() as tx:
        row = idle_server(tx, caller, server_id, REMOVE, _STATES)
        address = str(ip_address(address))
        for each in ports.server_ports(tx, [row.id]).get(row.id, []):
            if address in (*each.addresses, each.address6):
                networks.find_network(tx, each.network.id, lock=True)  # before the port, as all who lock both
                port = _locked(tx, caller, each)
                break
        else:
            raise BadInput(
                f"Fixed IP address {address} not found for instance {row.id}",
                remedy=f"List its addresses: openstack port list --server {row.id}",
                code="fixed-ip-not-found",
            )
        left = [each for each in port.addresses if each != address]
        if not left or address == port.address6:
            raise Conflict(
                f"{address} is the only address of its subnet that port {port.id} has",
                detail="A port has at least one address of each subnet of its network.",
                remedy=f"Take the port away: openstack server remove port {row.id} {port.id}",
                code="port-addresses",
            )
        _save(control, tx, caller, row, replaced(tx, port, left), REMOVE, request_id)
    tell_hosts(control)


def _locked(tx: Tx, caller: Caller, port: Port) -> Port:
    """Returns a port of a server as it is now, locked; raises `Forbidden` unless the caller may change it."""
    authorize(caller, "update_port", {"project_id": port.project_id})
    return visible_port(tx, caller, port.id, lock=True)


def _save(control: Control, tx: Tx, caller: Caller, row: ServerRow, port: Port, act: str, request_id: str) -> None:
    ports.save_addresses(tx, port)
    security_groups.note_change(tx, port.project_id, control.now())
    note_action(tx, caller, row.id, act, request_id, control.now())
