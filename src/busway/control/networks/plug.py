"""The cards that a new server gets: on networks that its user named, by ports that its user made, or on the default network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import missing, visible_network, visible_port
from busway.control.networks.port import allocate_port, allocate_ports
from busway.control.networks.security_group import default_id
from busway.control.networks.sriov import require_offered
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import Network, Port, mac_for
from busway.domain.requests import CreateServer, NetworkRef
from busway.store import networks, ports, security_groups
from busway.store.accepting import Within
from busway.store.database import Tx
from busway.store.port_addresses import first_look
from busway.store.port_look import Look


@dataclass(frozen=True, slots=True)
class NewCards:
    """Cards that each of some new servers gets on one network: the network as it was read ahead, and the ids of the ports."""

    ref: NetworkRef
    network: Network
    port_ids: tuple[PortId, ...]


def plan_cards(control: Control, caller: Caller, request: CreateServer, known: Sequence[Network]) -> list[NewCards]:
    """The new cards that a request asks for; `known` are the networks that it names and that its project may use."""
    if request.networks == "none":
        return []
    wanted = (NetworkRef(),) if request.networks == "auto" else request.networks
    return [
        NewCards(
            ref,
            _visible(caller, known, ref.network_id) if ref.network_id else _default(known, caller.project_id),
            tuple(PortId(control.new_id()) for _ in range(request.max_count)),
        )
        for ref in wanted
        if ref.port_id is None
    ]


def look_for(cards: Sequence[NewCards]) -> Look:
    """What has to be looked up for them: the first addresses of their networks, and their MACs."""
    look = Look()
    for each in cards:
        count = sum(len(other.port_ids) for other in cards if other.network.id == each.network.id)
        addresses = first_look(each.network, each.ref.fixed_ip, count)
        look.ask(each.network.id, addresses, [mac_for(port_id, 0) for port_id in each.port_ids])
    return look


def plug_ports(
    control: Control,
    tx: Tx,
    caller: Caller,
    request: CreateServer,
    server_ids: Sequence[ServerId],
    cards: Sequence[NewCards],
    within: Within,
    look: Look,
) -> None:
    """Gives each of some new servers its ports, in the order of the request; raises for one that can't be.

    The project's turn and the networks are locked (`lock_project`), and `within` was read since.
    """
    groups = _groups(control, tx, caller, request.security_groups, exists=within.has_group)
    if request.networks == "none":
        return
    if cards:
        fresh = sum(len(each.port_ids) for each in cards)
        quota.check_ports(control, tx, within.limits, caller.project_id, within.port_count, fresh)
    waiting = iter(cards)
    for ref in (NetworkRef(),) if request.networks == "auto" else request.networks:
        if ref.port_id is not None:
            for server_id in server_ids:
                port = take_port(control, tx, caller, ref.port_id, caller.project_id)
                ports.save_port(tx, replace(port, server_id=server_id))
        else:
            new = next(waiting)
            network = _visible(caller, within.networks.values(), new.network.id)
            made = allocate_ports(control, tx, new.port_ids, caller.project_id, network, ref.fixed_ip, look=look)
            held = [replace(port, server_id=each, groups=groups) for port, each in zip(made, server_ids, strict=True)]
            ports.add_ports(tx, held)
    security_groups.note_change(tx, caller.project_id, control.now())


def take_port(control: Control, tx: Tx, caller: Caller, port_id: str, project_id: ProjectId) -> Port:
    """A port that a server of a project may have, locked; raises `Conflict` while another server has it."""
    port = visible_port(tx, caller, port_id, lock=True)
    if port.server_id is not None:
        raise Conflict(
            f"Port {port.id} is still in use",
            detail=f"Server {port.server_id} has it.",
            remedy="Delete that server, or create another port: openstack port create.",
            code="port-in-use",
        )
    if port.project_id != project_id:
        raise BadInput(f"Port {port.id} belongs to another project", code="port-foreign")
    require_offered(control, tx, port)
    return port


def make_port(control: Control, tx: Tx, caller: Caller, ref: NetworkRef, project_id: ProjectId) -> Port:
    """A new port of a project on the network that is asked for, not stored yet."""
    if ref.network_id:
        network = visible_network(tx, caller, ref.network_id, lock=True)
    else:
        network = networks.locked(tx, _default(networks.list_networks(tx, project_id), project_id))
    return allocate_port(control, tx, PortId(control.new_id()), project_id, network, ref.fixed_ip)


def _visible(caller: Caller, known: Iterable[Network], network_id: str) -> Network:
    """A network that the caller may use, of those that were read; raises `NotFound`."""
    for network in known:
        if network.id == network_id and (network.shared or caller.may_see(network.owner)):
            return network
    raise missing("network", network_id)


def _default(known: Sequence[Network], project_id: ProjectId) -> Network:
    """The network of a request that names none: the operator's, or else the only one that the project has."""
    shared = [network for network in known if network.shared and network.subnets]
    mine = [network for network in known if network.owner == project_id and not network.shared]
    if not shared and len(mine) > 1:
        raise Conflict(
            "Multiple possible networks found, use a Network ID to be more specific",
            remedy="Choose one: --network NETWORK.",
            code="network-ambiguous",
        )
    if not shared and not mine:
        raise NotFound("There is no network", remedy="Create one: openstack network create NAME.", code="no-network")
    return (shared or mine)[0]


def _groups(
    control: Control, tx: Tx, caller: Caller, wanted: Sequence[str], *, exists: bool
) -> tuple[SecurityGroupId, ...]:
    default = default_id(control, tx, caller.project_id, exists=exists)
    if not wanted:
        return (default,)
    known = security_groups.list_groups(tx, caller.project_id)
    found = []
    for reference in dict.fromkeys(wanted):
        matching = [group for group in known if reference in (group.id, group.name)]
        if not matching:
            raise BadInput(
                f"Security group {reference} not found for project {caller.project_id}",
                remedy="List them: openstack security group list",
                code="security-group-not-found",
            )
        if len(matching) > 1:
            raise Conflict(
                f"Multiple security groups found matching '{reference}'",
                remedy="Use its ID.",
                code="security-group-ambiguous",
            )
        found.append(matching[0].id)
    return tuple(found)
