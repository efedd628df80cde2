"""Quotas of network resources per project; the defaults are Neutron's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from busway.control import domain_limits
from busway.control.context import Control
from busway.control.networks.access import missing
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden
from busway.domain.ids import ProjectId
from busway.domain.quota import OF_NETWORKS, Usage, check_limits_above_use, check_quota
from busway.policy import authorize
from busway.store import floating_ips, networks, ports, projects, quotas, routers, security_groups, trunks
from busway.store.database import Tx
from busway.store.owners import Owners

DEFAULTS = OF_NETWORKS


def take_projects(control: Control, tx: Tx, project_ids: Iterable[ProjectId]) -> None:
    """Takes the turns of these projects until the transaction ends: nobody else adds resources to them meanwhile.

    Take them before any lock of a network, port or group; the fixed order prevents deadlocks.
    """
    domain_limits.take_turns(control, tx, project_ids)


def check(control: Control, tx: Tx, project_id: ProjectId, resource: str, count: int = 1) -> None:
    """Raises `OverQuota` if `count` more would exceed the quota of a project or its domain; takes the project's turn."""
    take_projects(control, tx, [project_id])
    check_quota(limits_of(tx, project_id), Usage({resource: _USED[resource](tx, project_id)}), Usage({resource: count}))
    _check_domain(control, tx, project_id, resource, count)


def check_ports(
    control: Control,
    tx: Tx,
    own: Mapping[str, Mapping[str, int]],
    project_id: ProjectId,
    used: int,
    wanted: int,
) -> None:
    """Raises `OverQuota` if `wanted` more ports would exceed the quota; `own` are the limits that were set, by owner.

    The caller has the project's turn (`take_projects`) and has read `own` and `used` after that.
    """
    check_quota(_known(own, project_id), Usage({"port": used}), Usage({"port": wanted}))
    _check_domain(control, tx, project_id, "port", wanted)


def limits(control: Control, caller: Caller, project_id: str) -> dict[str, int]:
    """Returns the limits of a project by resource; -1 is no limit."""
    project = _visible(caller, project_id)
    with control.db.read() as tx:
        return limits_of(tx, project)


def get_defaults(control: Control) -> dict[str, int]:
    """Returns the limits of projects that have none of their own, by resource."""
    with control.db.read() as tx:
        return defaults(tx)


def defaults(tx: Tx) -> dict[str, int]:
    """Returns the same as `get_defaults`, within a transaction."""
    own = quotas.list_limits(tx, quotas.EVERYBODY)
    return {name: own.get(name, default) for name, default in DEFAULTS.items()}


def usage(control: Control, caller: Caller, project_id: str) -> dict[str, int]:
    """Returns how many of each resource a project has; the caller must be permitted to see it."""
    project = _visible(caller, project_id)
    with control.db.read() as tx:
        return used(tx, project)


def list_own(control: Control, caller: Caller) -> dict[ProjectId, dict[str, int]]:
    """Returns the limits of each project that has limits of networks of its own; for admins."""
    if not caller.is_admin:
        raise _of_another(caller)
    with control.db.read() as tx:
        found = quotas.list_limits_of_owners(tx, quotas.LimitFilter(resources=DEFAULTS))
        owners = sorted({limit.owner for limit in found if not limit.is_of_domain})
        own = quotas.limits_of(tx, [quotas.EVERYBODY, *owners])
        return {owner: _known(own, owner) for owner in owners}


def set_limits(
    control: Control, caller: Caller, project_id: str, wanted: Mapping[str, int], *, check_use: bool = False
) -> dict[str, int]:
    """Sets limits of a project; existing resources stay, even above the limit.

    With `check_use`, a limit below what the project has is refused, as by Neutron's extension quota-check-limit.
    """
    authorize(caller, "update_quota", {"project_id": project_id})
    with control.db.write() as tx:
        if projects.find_project(tx, project_id) is None:
            raise missing("project", project_id)
        domain_limits.check_project_limits(control, tx, project_id, wanted, lambda: defaults(tx))
        if check_use:
            check_limits_above_use(wanted, Usage({name: _USED[name](tx, ProjectId(project_id)) for name in wanted}))
        quotas.set_limits(tx, project_id, wanted)
        return limits_of(tx, ProjectId(project_id))


def forget_limits(control: Control, caller: Caller, project_id: str) -> None:
    """Removes the limits of a project: the defaults apply again."""
    authorize(caller, "delete_quota", {"project_id": project_id})
    with control.db.write() as tx:
        quotas.forget_limits(tx, project_id, only=DEFAULTS)


def used(tx: Tx, project_id: ProjectId) -> dict[str, int]:
    """Returns how many of each resource a project has."""
    return {name: count(tx, project_id) for name, count in _USED.items()}


_USED: dict[str, Callable[[Tx, Owners], int]] = {
    "network": lambda tx, of: networks.count_owned(tx, of)[0],
    "subnet": lambda tx, of: networks.count_owned(tx, of)[1],
    "port": ports.count_ports,
    "security_group": security_groups.count_groups,
    "security_group_rule": security_groups.count_rules,
    "router": routers.count_routers,
    "floatingip": floating_ips.count_floating_ips,
    "trunk": trunks.count_trunks,
}


def _check_domain(control: Control, tx: Tx, project_id: ProjectId, resource: str, count: int) -> None:
    wanted = Usage({resource: count})
    domain_limits.check(
        control, tx, project_id, wanted, lambda: defaults(tx), lambda of: Usage({resource: _USED[resource](tx, of)})
    )


def limits_of(tx: Tx, project_id: ProjectId) -> dict[str, int]:
    """Returns the same as `limits`, within a transaction; the caller has checked access to the project."""
    return _known(quotas.limits_of(tx, [quotas.EVERYBODY, project_id]), project_id)


def _known(own: Mapping[str, Mapping[str, int]], project_id: ProjectId) -> dict[str, int]:
    known = {**own[quotas.EVERYBODY], **own[project_id]}
    return {name: known.get(name, default) for name, default in DEFAULTS.items()}


def _visible(caller: Caller, project_id: str) -> ProjectId:
    project = ProjectId(project_id)
    if not caller.may_see(project):
        raise _of_another(caller)
    return project


def _of_another(caller: Caller) -> Forbidden:
    return Forbidden(
        f"User {caller.user_name} may not see the quota of another project",
        remedy="Ask someone with the admin role.",
        code="admin-required",
    )
