"""The network cards of a new server: on networks or ports that the request names, or on the default network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import missing, require_choice, require_usable, usable_network, visible_port
from busway.control.networks.port import allocate_port, allocate_ports, internal_port
from busway.control.networks.security_group import default_id
from busway.control.networks.sriov import require_offered
from busway.control.networks.trunk import refuse_subport
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import Network, Port, mac_for
from busway.domain.nic_request import refuse_limited
from busway.domain.requests import CreateServer, NetworkRef
from busway.store import networks, ports, security_groups
from busway.store.accepting import LockedState
from busway.store.address_lookup import AddressLookup
from busway.store.database import Tx
from busway.store.port_addresses import first_candidates


@dataclass(frozen=True, slots=True)
class NewCards:
    """The cards that new servers get on one network, one for each server: the network as read ahead, and their port ids."""

    ref: NetworkRef
    network: Network
    port_ids: tuple[PortId, ...]


def plan_cards(control: Control, caller: Caller, request: CreateServer, known: Sequence[Network]) -> list[NewCards]:
    """Returns the cards that a request needs; `known` are the networks that it names and that its project may use."""
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


def addresses_to_look_up(cards: Sequence[NewCards]) -> AddressLookup:
    """Returns the addresses and MACs that new cards are likely to get, so that one statement can look them up."""
    lookup = AddressLookup()
    for each in cards:
        count = sum(len(other.port_ids) for other in cards if other.network.id == each.network.id)
        addresses = first_candidates(each.network, each.ref.fixed_ip, count)
        lookup.ask(each.network.id, addresses, [mac_for(port_id, 0) for port_id in each.port_ids])
    return lookup


def plug_ports(
    control: Control,
    tx: Tx,
    caller: Caller,
    request: CreateServer,
    server_ids: Sequence[ServerId],
    cards: Sequence[NewCards],
    locked: LockedState,
    lookup: AddressLookup,
) -> None:
    """Creates or assigns the ports of new servers, in the order of the request.

    The caller has locked the project and the networks (`lock_project`) and has read `locked` after that. Raises
    `NotFound` for an unknown network or port, `Conflict` for a port or address in use, and `OverQuota`.
    """
    groups = _groups(control, tx, caller, request.security_groups, exists=locked.has_group)
    if request.networks == "none":
        return
    if cards:
        fresh = sum(len(each.port_ids) for each in cards)
        quota.check_ports(control, tx, locked.limits.by_owner, caller.project_id, locked.port_count, fresh)
    waiting = iter(cards)
    refs = (NetworkRef(),) if request.networks == "auto" else request.networks
    named = [ref.port_id for ref in refs if ref.port_id is not None]
    if len(named) > 1:
        ports.lock_ports(tx, named)  # in their order, as all who lock several
    for ref in refs:
        if ref.port_id is not None:
            for server_id in server_ids:
                port = take_port(control, tx, caller, ref.port_id, caller.project_id)
                refuse_limited(request.flavor, [port.vnic])
                ports.save_port(tx, replace(port, server_id=server_id, tag=ref.tag))
        else:
            new = next(waiting)
            network = _visible(caller, locked.networks.values(), new.network.id)
            _refuse_groups(network, request.security_groups)
            require_choice(caller, network, (ref.fixed_ip or "",))
            made = allocate_ports(
                control, tx, new.port_ids, caller.project_id, network, (ref.fixed_ip or "",), lookup=lookup
            )
            held = [
                replace(port, server_id=each, groups=groups if port.security else (), tag=ref.tag)
                for port, each in zip(made, server_ids, strict=True)
            ]
            ports.add_ports(tx, held)
    security_groups.note_change(tx, caller.project_id, control.now())


def _refuse_groups(network: Network, wanted: Sequence[str]) -> None:
    """Raises `BadInput` if groups are asked for on a network whose ports have none; clients name "default" unasked."""
    if not network.security and set(wanted) - {"default"}:
        raise BadInput(
            "Network requires port_security_enabled and subnet associated in order to apply security groups.",
            detail=f"port_security_enabled of network {network.name} is false, and so it is of new ports on it.",
            remedy="Omit the security groups, or name a port that has them: openstack port create --enable-port-security.",
            code="port-security-off",
        )


def take_port(control: Control, tx: Tx, caller: Caller, port_id: str, project_id: ProjectId) -> Port:
    """Returns a port that a server may get, locked; raises `Conflict` if another server has it."""
    port = visible_port(tx, caller, port_id, lock=True)
    if port.server_id is not None:
        raise Conflict(
            f"Port {port.id} is still in use",
            detail=f"Server {port.server_id} has it.",
            remedy="Delete that server, or create another port: openstack port create.",
            code="port-in-use",
        )
    if port.is_internal:
        raise internal_port(port)
    refuse_subport(port)
    if port.project_id != project_id:
        raise BadInput(f"Port {port.id} belongs to another project", code="port-foreign")
    require_offered(control, tx, port)
    return port


def make_port(control: Control, tx: Tx, caller: Caller, ref: NetworkRef, project_id: ProjectId) -> Port:
    """Returns a new port on the requested network, or on the default one; it is not stored yet."""
    if ref.network_id:
        network = usable_network(tx, caller, ref.network_id, lock=True)
    else:
        network = networks.locked(tx, _default(networks.list_networks(tx, project_id), project_id))
    wanted = (ref.fixed_ip or "",)
    require_choice(caller, network, wanted)
    return allocate_port(control, tx, PortId(control.new_id()), project_id, network, wanted)


def _visible(caller: Caller, known: Iterable[Network], network_id: str) -> Network:
    """Returns a network that the caller may use, from those already read; raises `NotFound`."""
    for network in known:
        if network.id == network_id and (network.shared or network.external or caller.may_see(network.owner)):
            require_usable(caller, network)
            return network
    raise missing("network", network_id)


def _default(known: Sequence[Network], project_id: ProjectId) -> Network:
    found = find_default(known, project_id)
    if found is None:
        raise NotFound("There is no network", remedy="Create one: openstack network create NAME.", code="no-network")
    return found


def find_default(known: Sequence[Network], project_id: ProjectId) -> Network | None:
    """Returns the default network: a shared one, else the only one of the project; raises `Conflict` if it has several."""
    inner = [network for network in known if not network.external]
    shared = [network for network in inner if network.shared and network.subnets]
    mine = [network for network in inner if network.owner == project_id and not network.shared]
    if not shared and len(mine) > 1:
        raise Conflict(
            "Multiple possible networks found, use a Network ID to be more specific",
            remedy="Choose one: --network NETWORK.",
            code="network-ambiguous",
        )
    return next(iter(shared or mine), None)


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
