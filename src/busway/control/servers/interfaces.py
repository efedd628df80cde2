"""Use cases of a server's user: give it one more network card, or take one away, while it runs or while it is off.

The database says what must be, and the host follows. A port that comes is the server's at once; one that goes is the
server's until its host has seen the guest without it.
"""

from __future__ import annotations

from dataclasses import replace

from busway.control.agents.desired import desired_server
from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.changes import tell_hosts
from busway.control.networks.overlay import require_chassis
from busway.control.networks.plug import make_port, take_port
from busway.control.networks.security_group import default_id
from busway.control.networks.sriov import refuse_plug
from busway.control.servers.access import change_on_host, placed_server, require_guest_act, server_row
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.errors import Conflict, NotFound
from busway.domain.guest_layout import PortNumbers, port_numbers
from busway.domain.host_facts import GuestAct
from busway.domain.network import Plug, Port
from busway.domain.requests import NetworkRef
from busway.domain.server import ServerStatus
from busway.store import claims, ports, security_groups, servers
from busway.store.database import Tx
from busway.store.servers import ServerRow

ATTACH, DETACH = "attach_interface", "detach_interface"
MOST_CARDS = 64
_STATES = {ServerStatus.ACTIVE, ServerStatus.SHUTOFF}


def attach_interface(
    control: Control, caller: Caller, server_id: str, wanted: NetworkRef, tag: str, request_id: str
) -> Port:
    """Gives a server a port that its user made, or a new one on a network; raises where its guest has no place for it."""
    with control.db.write() as tx:
        project_id = server_row(tx, caller, server_id, "attachInterface").project_id
        quota.take_projects(control, tx, [project_id])
        row = placed_server(tx, caller, server_id, "attachInterface", _STATES)
        require_guest_act(tx, row, "attachInterface", GuestAct.PLUG)
        held = ports.server_ports(tx, [row.id]).get(row.id, [])
        if len(held) >= MOST_CARDS:
            raise Conflict(
                f"Server {row.id} has {len(held)} network cards",
                remedy="Take one away first: openstack server remove port.",
                code="too-many-cards",
            )
        root_port = next_root_port(control, tx, row, held)
        if wanted.port_id is not None:
            port = take_port(control, tx, caller, wanted.port_id, project_id)
            refuse_plug(port)
        else:
            quota.check(control, tx, project_id, "port")
            made = make_port(control, tx, caller, wanted, project_id)
            port = replace(made, groups=(default_id(control, tx, project_id),) if made.security else ())
        require_chassis(tx, row.host_id, port.network)
        port = replace(port, server_id=row.id, root_port=root_port, plug=Plug.COMING, tag=tag)
        if wanted.port_id is not None:
            ports.save_port(tx, port)
        else:
            ports.add_port(tx, port)
        security_groups.note_change(tx, project_id, control.now())
        change_on_host(control, tx, caller, row, ATTACH, request_id)
    tell_hosts(control)
    control.bell.ring(f"host:{row.host_id}")
    return port


def detach_interface(control: Control, caller: Caller, server_id: str, port_id: str, request_id: str) -> None:
    """Asks for a server's guest to let go of a card; its host is asked until the guest has done so."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "detachInterface", _STATES)
        require_guest_act(tx, row, "detachInterface", GuestAct.PLUG)
        held = ports.server_ports(tx, [row.id]).get(row.id, [])
        if all(port.id != port_id for port in held):
            raise no_interface(row.id, port_id)
        port = next(port for port in held if port.id == port_id)
        refuse_plug(port)
        keep_places(control, tx, row, held)
        ports.set_plug(tx, port.id, Plug.GOING)
        change_on_host(control, tx, caller, row, DETACH, request_id)
    control.bell.ring(f"host:{row.host_id}")


def no_interface(server_id: str, port_id: str) -> NotFound:
    """The error for a port that a server does not have."""
    return NotFound(
        f"Instance {server_id} has no interface of port {port_id}",
        remedy="`openstack port list --server SERVER` lists its ports.",
        code="interface-not-found",
    )


def next_root_port(control: Control, tx: Tx, row: ServerRow, held: list[Port]) -> int:
    """A free root port of a server's guest; one that is off gets one more. Raises `Conflict` for one that runs and has none.

    0 for a guest that mirrors its host, which has its cards in their order and must be off.
    """
    numbers = keep_places(control, tx, row, held)
    leaving = _leaving(tx, row, held)
    free = sorted(set(numbers.free) - leaving) if numbers is not None else []
    if free:
        return free[0]
    if row.status is not ServerStatus.SHUTOFF:
        raise Conflict(
            f"The guest of server {row.id} has no free root port for another device",
            detail="A guest has as many spare ones as its flavor says when it starts (busway:hotplug_ports).",
            remedy="Stop the server and try again: a guest that is off gets one more.",
            code="no-root-port",
        )
    if numbers is None:
        return 0
    servers.update_server(tx, row.id, control.now(), root_ports=numbers.base + 1)
    return max(numbers.last, *leaving, 0) + 1


def free_root_ports(control: Control, tx: Tx, row: ServerRow, held: list[Port]) -> list[int]:
    """The root ports that nothing is behind or leaves."""
    numbers = keep_places(control, tx, row, held)
    return sorted(set(numbers.free) - _leaving(tx, row, held)) if numbers is not None else []


def _leaving(tx: Tx, row: ServerRow, held: list[Port]) -> set[int]:
    """The root ports that something has not left yet."""
    live = claims.list_live_claims(tx, server_id=row.id)
    releasing = {claim.port for claim in live if claim.state is ClaimState.RELEASING and claim.port is not None}
    return releasing | {port.root_port for port in held if port.plug is Plug.GOING}


def keep_places(control: Control, tx: Tx, row: ServerRow, held: list[Port]) -> PortNumbers | None:
    """Writes down where a guest has its cards, so that nothing moves when others come or go; None where that can't be."""
    desired = desired_server(control, tx, row)
    if desired is None or desired.machine.mirror:
        return None
    numbers = port_numbers(desired)
    places = {nic.port: number for nic, number in zip(desired.plugged, numbers.nics, strict=True)}
    for port in held:
        if port.id in places and port.root_port != places[port.id]:
            ports.pin_port(tx, port.id, places[port.id])
    if row.root_ports is None:
        servers.update_server(tx, row.id, control.now(), root_ports=numbers.base)
    return numbers
