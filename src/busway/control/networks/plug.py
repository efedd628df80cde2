"""The cards that a new server gets: on networks that its user named, by ports that its user made, or on the default network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import visible_network, visible_port
from busway.control.networks.port import allocate_ports
from busway.control.networks.security_group import default_id
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import PortId, SecurityGroupId, ServerId
from busway.domain.network import Network, Port
from busway.domain.requests import CreateServer, NetworkRef
from busway.store import networks, ports, security_groups
from busway.store.database import Tx


def plug_ports(control: Control, tx: Tx, caller: Caller, request: CreateServer, server_ids: Sequence[ServerId]) -> None:
    """Gives each of some new servers its ports, in the order of the request; raises for one that can't be."""
    groups = _groups(control, tx, caller, request.security_groups)
    if request.networks == "none":
        return
    wanted = (NetworkRef(),) if request.networks == "auto" else request.networks
    if fresh := sum(ref.port_id is None for ref in wanted):
        quota.check(tx, caller.project_id, "port", fresh * len(server_ids))
    for network_id in sorted({ref.network_id for ref in wanted if ref.network_id}):
        visible_network(tx, caller, network_id, lock=True)  # in one order, whatever the order of the request
    for ref in wanted:
        if ref.port_id is not None:
            for server_id in server_ids:
                _take(tx, caller, ref, server_id)
        else:
            _make(control, tx, caller, ref, server_ids, groups)
    security_groups.note_change(tx, caller.project_id, control.now())


def _take(tx: Tx, caller: Caller, ref: NetworkRef, server_id: ServerId) -> None:
    port = visible_port(tx, caller, str(ref.port_id), lock=True)
    if port.server_id is not None:
        raise Conflict(
            f"Port {port.id} is still in use",
            detail=f"Server {port.server_id} has it.",
            remedy="Delete that server, or create another port: openstack port create.",
            code="port-in-use",
        )
    if port.project_id != caller.project_id:
        raise BadInput(f"Port {port.id} belongs to another project", code="port-foreign")
    ports.save_port(tx, _held(port, server_id))


def _make(
    control: Control,
    tx: Tx,
    caller: Caller,
    ref: NetworkRef,
    server_ids: Sequence[ServerId],
    groups: tuple[SecurityGroupId, ...],
) -> None:
    network = visible_network(tx, caller, ref.network_id, lock=True) if ref.network_id else _default(tx, caller)
    ids = [PortId(control.new_id()) for _ in server_ids]
    made = allocate_ports(control, tx, ids, caller.project_id, network, ref.fixed_ip)
    ports.add_ports(tx, [_held(port, server_id, groups) for port, server_id in zip(made, server_ids, strict=True)])


def _held(port: Port, server_id: ServerId, groups: tuple[SecurityGroupId, ...] | None = None) -> Port:
    return replace(port, server_id=server_id, groups=port.groups if groups is None else groups)


def _default(tx: Tx, caller: Caller) -> Network:
    """The network of a request that names none: the operator's, or else the only one that the project has."""
    known = networks.list_networks(tx, caller.project_id)
    shared = [network for network in known if network.shared and network.subnets]
    mine = [network for network in known if network.owner == caller.project_id and not network.shared]
    if not shared and len(mine) > 1:
        raise Conflict(
            "Multiple possible networks found, use a Network ID to be more specific",
            remedy="Choose one: --network NETWORK.",
            code="network-ambiguous",
        )
    if not shared and not mine:
        raise NotFound("There is no network", remedy="Create one: openstack network create NAME.", code="no-network")
    return networks.get_network(tx, (shared or mine)[0].id, lock=True)


def _groups(control: Control, tx: Tx, caller: Caller, wanted: Sequence[str]) -> tuple[SecurityGroupId, ...]:
    default = default_id(control, tx, caller.project_id)
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
