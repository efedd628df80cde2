"""Limits of a user in a project: below those of the project, which hold for all its users together.

Source: Nova's `os-quota-sets/{project}?user_id=`; devices and disks can have them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from busway.control.context import Control
from busway.control.identity.tree import TURN
from busway.control.quotas import Quota, check_limits, find_project, quota_of
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.ids import ProjectId, UserId
from busway.domain.quota import UNLIMITED, Usage, check_limits_above_use, check_user_limits, may_be_of_user
from busway.policy import authorize
from busway.store import user_quotas as store
from busway.store import users
from busway.store.database import Tx, take_turn


def get_user_quota(
    control: Control,
    caller: Caller,
    project_id: str,
    user_id: str,
    rule: str = "busway:quota:show",
    *,
    networks: bool = False,
) -> Quota:
    """The quota of a user in a project, for whom a rule permits that of the project; who has no limits has the project's."""
    authorize(caller, rule, {"project_id": project_id})
    with control.db.read() as tx:
        return quota_of(control, tx, ProjectId(project_id), networks=networks, user_id=UserId(user_id))


def get_callers_quota(control: Control, caller: Caller, project_id: str, rule: str, *, networks: bool = False) -> Quota:
    """What the caller may have in a project: of each resource the project's limit, or the caller's own where less of it is left.

    The usage is that which counts for the limit.
    """
    authorize(caller, rule, {"project_id": project_id})
    project = ProjectId(project_id)
    with control.db.read() as tx:
        quota = quota_of(control, tx, project, networks=networks, images=False)
        own = store.list_user_limits(tx, project, caller.user_id)
        if not own:
            return quota
        of_user = quota_of(control, tx, project, networks=networks, user_id=caller.user_id)
    tighter = [name for name in own if name in quota.limits and _left(of_user, name) < _left(quota, name)]
    limits = {name: of_user.limits[name] for name in tighter}
    used = {name: of_user.used[name] for name in tighter}
    return replace(quota, limits={**quota.limits, **limits}, used={**quota.used, **used}, user_id=caller.user_id)


def set_user_quota(
    control: Control,
    caller: Caller,
    project_id: str,
    user_id: str,
    limits: Mapping[str, int],
    *,
    networks: bool = False,
    force: bool = False,
    rule: str = "busway:quota:update",
) -> Quota:
    """Sets limits of a user in a project; one below the usage or above the project's limit only with `force`, as in Nova.

    With `networks` the answer has the project's limits of networks too.
    """
    authorize(caller, rule, {"project_id": project_id})
    with control.db.write() as tx:
        take_turn(tx, TURN)  # nobody deletes the user or the project meanwhile
        project, user = find_project(tx, project_id), _user(tx, user_id)
        _check_of_user(limits)
        check_limits(control, tx, limits)
        if not force:
            check_limits_above_use(limits, Usage(quota_of(control, tx, project, user_id=user).used))
            check_user_limits(
                limits, quota_of(control, tx, project, images=False).limits, store.given_to_users(tx, project, user)
            )
        store.set_user_limits(tx, project, user, limits)
        return quota_of(control, tx, project, networks=networks, user_id=user)


def reset_user_quota(
    control: Control, caller: Caller, project_id: str, user_id: str, rule: str = "busway:quota:delete"
) -> None:
    """Takes a user's own limits in a project away: the project's hold."""
    authorize(caller, rule, {"project_id": project_id})
    with control.db.write() as tx:
        store.forget_user_limits(tx, find_project(tx, project_id), _user(tx, user_id))


def user_of(control: Control, caller: Caller, name: str) -> UserId:
    """The id of a user by name or id, for the user and for whoever may list users; raises `NotFound`."""
    if name in (caller.user_id, caller.user_name):
        return caller.user_id
    authorize(caller, "identity:list_users", {"target.domain_id": caller.domain_id})
    with control.db.read() as tx:
        found = users.find_user(tx, name) or users.find_user_by_name(tx, name)
    if found is None:
        raise NotFound(
            f"Could not find user: {name}", remedy="List users: `openstack user list`.", code="user-not-found"
        )
    return found.id


def _left(quota: Quota, name: str) -> float:
    limit = quota.limits[name]
    return inf if limit == UNLIMITED else limit - quota.used[name]


def _user(tx: Tx, user_id: str) -> UserId:
    found = users.find_user(tx, user_id)
    if found is None:
        raise BadInput(
            f"User ID {user_id} is not a valid user.", remedy="List users: `openstack user list`.", code="quota-user"
        )
    return found.id


def _check_of_user(limits: Mapping[str, int]) -> None:
    for name in limits:
        if not may_be_of_user(name):
            raise BadInput(
                f"A user has no quota {name}",
                detail="Images and networks belong to the project as a whole.",
                remedy="Set the project's quota of them, without a user.",
                code="quota-not-of-users",
            )
