"""Use cases of a server's user: put all its ports into a security group, or take them out; the guest has it at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from busway.control.context import Control
from busway.control.networks.changes import tell_hosts
from busway.control.servers.access import note_action, server_row
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.ids import ProjectId
from busway.domain.network import Port
from busway.domain.security_group import SecurityGroup
from busway.store import ports, security_groups
from busway.store.database import Tx


def add_group(control: Control, caller: Caller, server_id: str, name: str, request_id: str) -> None:
    """Puts a server's ports into a group of its project, named by name or id."""

    def change(tx: Tx, held: list[Port], group: SecurityGroup) -> None:
        for port in held:
            if group.id not in port.groups:
                ports.save_port(tx, replace(port, groups=(*port.groups, group.id)))

    _change(control, caller, server_id, "addSecurityGroup", name, request_id, change)


def remove_group(control: Control, caller: Caller, server_id: str, name: str, request_id: str) -> None:
    """Takes a server's ports out of a group; raises `NotFound` where none is in it."""

    def change(tx: Tx, held: list[Port], group: SecurityGroup) -> None:
        members = [port for port in held if group.id in port.groups]
        if not members:
            raise NotFound(
                f"Security group {name} not associated with the instance {server_id}",
                remedy="`openstack server show` lists its groups.",
                code="security-group-not-found",
            )
        for port in members:
            ports.save_port(tx, replace(port, groups=tuple(each for each in port.groups if each != group.id)))

    _change(control, caller, server_id, "removeSecurityGroup", name, request_id, change)


def _change(
    control: Control,
    caller: Caller,
    server_id: str,
    act: str,
    name: str,
    request_id: str,
    change: Callable[[Tx, list[Port], SecurityGroup], None],
) -> None:
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, act, lock=True)
        held = [port for port in ports.server_ports(tx, [row.id]).get(row.id, []) if port.security]
        if not held:
            raise BadInput(
                f"Server {row.id} has no port with port security",
                remedy="Attach it to a network with port security.",
                code="no-secured-port",
            )
        change(tx, held, _group(tx, row.project_id, name))
        security_groups.note_change(tx, row.project_id, control.now())
        note_action(tx, caller, row.id, act, request_id, control.now())
    tell_hosts(control)


def _group(tx: Tx, project_id: ProjectId, name: str) -> SecurityGroup:
    found = [group for group in security_groups.list_groups(tx, project_id) if name in (group.id, group.name)]
    if not found:
        raise NotFound(
            f"Security group {name} not found for project {project_id}",
            remedy="List them: openstack security group list",
            code="security-group-not-found",
        )
    if len(found) > 1:
        raise Conflict(
            f"Multiple security groups found matching '{name}'", remedy="Use its ID.", code="security-group-ambiguous"
        )
    return found[0]
