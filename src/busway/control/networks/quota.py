"""Quotas of networks: how many of each a project may have; Neutron's own numbers unless an admin sets others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from busway.control.context import Control
from busway.control.networks.access import missing
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden
from busway.domain.ids import ProjectId
from busway.domain.quota import Usage, check_quota
from busway.policy import authorize
from busway.store import networks, ports, projects, quotas, security_groups
from busway.store.database import Tx, take_turn

DEFAULTS = {"network": 100, "subnet": 100, "port": 500, "security_group": 10, "security_group_rule": 100}


def take_project(tx: Tx, project_id: ProjectId) -> None:
    """Waits until nobody else adds to what a project has, until the transaction ends.

    Whoever also locks a network, a port or a group does this first, so that two of them never wait for each other.
    """
    take_turn(tx, f"quota:{project_id}")


def check(tx: Tx, project_id: ProjectId, resource: str, count: int = 1) -> None:
    """Raises `OverQuota` when a project would have too much; until the transaction ends, nobody else is let through."""
    take_project(tx, project_id)
    check_quota(_limits(tx, project_id), Usage({resource: _USED[resource](tx, project_id)}), Usage({resource: count}))


def limits(control: Control, caller: Caller, project_id: str) -> dict[str, int]:
    """The limits of a project; -1 means no limit."""
    project = _visible(caller, project_id)
    with control.db.read() as tx:
        return _limits(tx, project)


def usage(control: Control, caller: Caller, project_id: str) -> dict[str, int]:
    """What a project has."""
    project = _visible(caller, project_id)
    with control.db.read() as tx:
        return used(tx, project)


def set_limits(control: Control, caller: Caller, project_id: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """Sets limits of a project; what it has stays, even when it is more."""
    authorize(caller, "update_quota", {"project_id": project_id})
    with control.db.write() as tx:
        if projects.find_project(tx, project_id) is None:
            raise missing("project", project_id)
        quotas.set_limits(tx, project_id, wanted)
        return _limits(tx, ProjectId(project_id))


def forget_limits(control: Control, caller: Caller, project_id: str) -> None:
    """Gives a project the defaults again."""
    authorize(caller, "delete_quota", {"project_id": project_id})
    with control.db.write() as tx:
        own = {name: limit for name, limit in quotas.list_limits(tx, project_id).items() if name not in DEFAULTS}
        quotas.forget_limits(tx, project_id)
        quotas.set_limits(tx, project_id, own)


def used(tx: Tx, project_id: ProjectId) -> dict[str, int]:
    """What a project has of each resource."""
    return {name: count(tx, project_id) for name, count in _USED.items()}


_USED: dict[str, Callable[[Tx, ProjectId], int]] = {
    "network": lambda tx, project: networks.count_owned(tx, project)[0],
    "subnet": lambda tx, project: networks.count_owned(tx, project)[1],
    "port": ports.count_ports,
    "security_group": security_groups.count_groups,
    "security_group_rule": security_groups.count_rules,
}


def _limits(tx: Tx, project_id: ProjectId) -> dict[str, int]:
    own = quotas.list_limits(tx, project_id)
    return {name: own.get(name, default) for name, default in DEFAULTS.items()}


def _visible(caller: Caller, project_id: str) -> ProjectId:
    project = ProjectId(project_id)
    if not caller.may_see(project):
        raise Forbidden(
            f"User {caller.user_name} may not see the quota of another project",
            remedy="Ask someone with the admin role.",
            code="admin-required",
        )
    return project
