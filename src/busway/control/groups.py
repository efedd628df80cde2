"""Use cases of server groups, and the group of a server as the scheduler needs it."""

from __future__ import annotations

from busway.control import quotas
from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.ids import GroupId, ServerId
from busway.domain.placement import ServerGroup
from busway.domain.quota import Usage
from busway.domain.requests import CreateServer
from busway.domain.server_group import GROUP_HINT, Group, GroupPolicy, check_group
from busway.policy import allows, authorize
from busway.store import groups as store
from busway.store.database import Tx
from busway.store.quotas import SetLimits


def create_group(
    control: Control, caller: Caller, name: str, policy: GroupPolicy, max_per_host: int | None = None
) -> Group:
    """Makes a group in the caller's project; raises `BadInput` for a rule that the policy does not have."""
    authorize(caller, "os_compute_api:os-server-groups:create")
    check_group(policy, max_per_host)
    group = Group(
        GroupId(control.new_id()), name, policy, caller.project_id, caller.user_id, control.now(), max_per_host
    )
    with control.db.write() as tx:
        quotas.check(control, tx, caller.project_id, Usage({"server_groups": 1}), user_id=caller.user_id)
        store.add_group(tx, group)
    return group


def list_groups(
    control: Control, caller: Caller, *, all_projects: bool = False, offset: int = 0, limit: int | None = None
) -> list[Group]:
    """The groups of the caller's project, or of all for an admin, oldest first; `offset` groups are left out."""
    with control.db.read() as tx:
        everywhere = all_projects and allows(caller, "os_compute_api:os-server-groups:index:all_projects")
        return store.list_groups(tx, None if everywhere else caller.project_id, offset=offset, limit=limit)


def get_group(control: Control, caller: Caller, group_id: str) -> Group:
    """One group that the caller may see; raises `NotFound`."""
    with control.db.read() as tx:
        return _get(tx, caller, group_id)


def delete_group(control: Control, caller: Caller, group_id: str) -> None:
    """Forgets a group; its servers stay where they are."""
    with control.db.write() as tx:
        group = _get(tx, caller, group_id)
        owner = {"project_id": group.project_id, "user_id": group.user_id}
        authorize(caller, "os_compute_api:os-server-groups:delete", owner)
        store.delete_group(tx, group.id)


def groups_of(control: Control, server_ids: list[ServerId]) -> dict[ServerId, GroupId]:
    """The group of each server that is in one."""
    with control.db.read() as tx:
        return store.group_ids(tx, server_ids)


def join_group(
    control: Control, tx: Tx, caller: Caller, request: CreateServer, server_ids: list[ServerId], own: SetLimits
) -> None:
    """Puts new servers into the group of the hint `group`; raises `BadInput` when there is none such.

    `own` are the limits that were set. A user's limit counts that user's servers in the group, as Nova's does.
    """
    wanted = request.hints.get(GROUP_HINT)
    if wanted is None:
        return
    try:
        group = _get(tx, caller, str(wanted))
    except NotFound as error:
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    group_id = group.id
    wanted_members, members = (Usage({"server_group_members": len(ids)}) for ids in (server_ids, group.members))
    quotas.check(
        control,
        tx,
        caller.project_id,
        wanted_members,
        user_id=caller.user_id,
        used=members,
        used_by_user=lambda user: Usage({"server_group_members": store.count_members(tx, group_id, user)}),
        own=own,
    )
    for server_id in server_ids:
        store.join(tx, group.id, server_id)


def placement_group(tx: Tx, server_id: ServerId) -> ServerGroup | None:
    """A server's group with the hosts that have its other servers by now."""
    group_id = store.group_ids(tx, [server_id]).get(server_id)
    group = store.find_group(tx, group_id) if group_id is not None else None
    if group is None:
        return None
    hosts = store.member_hosts(tx, group.id, without=server_id, both_sides=not group.policy.is_together)
    return ServerGroup(group.id, group.name, group.policy, hosts, group.max_per_host or 1)


def _get(tx: Tx, caller: Caller, group_id: str) -> Group:
    group = store.find_group(tx, group_id)
    if group is None or not caller.may_see(group.project_id):
        raise NotFound(
            f"Instance group {group_id} could not be found",
            remedy="List the groups of your project: `openstack server group list`.",
            code="group-not-found",
        )
    return group
