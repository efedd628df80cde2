"""The use cases of groups of users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.identity.tree import TURN, merged_options, refuse_move
from busway.domain.caller import Caller
from busway.domain.errors import NotFound
from busway.domain.identity import DOMAIN_ID, User
from busway.domain.user_group import UserGroup
from busway.policy import authorize
from busway.store import assignments, users
from busway.store import user_groups as store
from busway.store.database import Tx, take_turn
from busway.store.projects import get_domain
from busway.store.user_groups import ALL_GROUPS, UserGroupFilter
from busway.store.users import UserFilter


def list_groups(control: Control, caller: Caller, wanted: UserGroupFilter = ALL_GROUPS) -> list[UserGroup]:
    """Lists the groups that match a filter; with a token of a domain, those of that domain."""
    authorize(caller, "identity:list_groups", {"target.domain_id": wanted.domain_id or caller.domain_id})
    if caller.domain_id:
        wanted = replace(wanted, domain_id=wanted.domain_id or caller.domain_id)
    with control.db.read() as tx:
        return store.list_groups(tx, wanted)


def list_user_groups(control: Control, caller: Caller, user_id: str, wanted: UserGroupFilter) -> list[UserGroup]:
    """Lists the groups that a user is a member of."""
    with control.db.read() as tx:
        found = users.find_user(tx, user_id)
        target = {"user_id": user_id, "target.user.domain_id": found.domain_id if found else ""}
        authorize(caller, "identity:list_groups_for_user", target)
        return store.list_groups(tx, replace(wanted, user_id=users.get_user(tx, user_id).id))


def get_group(control: Control, caller: Caller, group_id: str) -> UserGroup:
    """Returns one group by its id; raises `NotFound`."""
    with control.db.read() as tx:
        return _permitted(tx, caller, "identity:get_group", group_id)


def create_group(control: Control, caller: Caller, group: UserGroup, domain_id: str | None) -> UserGroup:
    """Creates a group, in the domain of the caller's token unless another is given."""
    domain = domain_id or caller.domain_id or caller.project_domain_id or DOMAIN_ID
    authorize(caller, "identity:create_group", {"target.group.domain_id": domain})
    with control.db.write() as tx:
        take_turn(tx, TURN)
        made = replace(group, id=control.new_id().replace("-", ""), domain_id=get_domain(tx, domain).id)
        store.add_group(tx, made)
    return made


def update_group(control: Control, caller: Caller, group_id: str, changes: dict[str, Any]) -> UserGroup:
    """Changes the name, the description or the extra attributes of a group."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = _permitted(tx, caller, "identity:update_group", group_id)
        if "domain_id" in changes:
            refuse_move("group", "domain_id", known.domain_id, changes.pop("domain_id"))
        if "extra" in changes:
            changes["extra"] = merged_options(known.extra, changes["extra"])
        group = replace(known, **changes)
        store.check_group_name(tx, group)
        store.save_group(tx, group)
    return group


def delete_group(control: Control, caller: Caller, group_id: str) -> None:
    """Deletes a group and its role assignments; its users stay."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        group = _permitted(tx, caller, "identity:delete_group", group_id)
        assignments.forget_actor(tx, group.id)
        store.delete_group(tx, group.id)


def list_members(control: Control, caller: Caller, group_id: str, wanted: UserFilter) -> list[User]:
    """Lists the users of a group that match a filter."""
    with control.db.read() as tx:
        group = _permitted(tx, caller, "identity:list_users_in_group", group_id)
        return users.list_users(tx, replace(wanted, group_id=group.id))


def add_member(control: Control, caller: Caller, group_id: str, user_id: str) -> None:
    """Adds a user to a group; idempotent."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        group, user = _pair(tx, caller, "identity:add_user_to_group", group_id, user_id)
        store.add_member(tx, group.id, user.id)


def remove_member(control: Control, caller: Caller, group_id: str, user_id: str) -> None:
    """Removes a user from a group; raises `NotFound` if they are not a member."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        group, user = _pair(tx, caller, "identity:remove_user_from_group", group_id, user_id)
        if not store.remove_member(tx, group.id, user.id):
            raise _not_in(group, user)


def check_member(control: Control, caller: Caller, group_id: str, user_id: str) -> None:
    """Raises `NotFound` if a user is not a member of a group."""
    with control.db.read() as tx:
        group, user = _pair(tx, caller, "identity:check_user_in_group", group_id, user_id)
        if not store.is_member(tx, group.id, user.id):
            raise _not_in(group, user)


def _permitted(tx: Tx, caller: Caller, rule: str, group_id: str) -> UserGroup:
    found = store.find_group(tx, group_id)
    authorize(caller, rule, {"target.group.domain_id": found.domain_id if found else ""})
    return store.get_group(tx, group_id) if found is None else found


def _pair(tx: Tx, caller: Caller, rule: str, group_id: str, user_id: str) -> tuple[UserGroup, User]:
    group, user = store.find_group(tx, group_id), users.find_user(tx, user_id)
    target = {
        "target.group.domain_id": group.domain_id if group else "",
        "target.user.domain_id": user.domain_id if user else "",
    }
    authorize(caller, rule, target)
    return group or store.get_group(tx, group_id), user or users.get_user(tx, user_id)


def _not_in(group: UserGroup, user: User) -> NotFound:
    return NotFound(f"User {user.name} is not in group {group.name}", code="member-not-found")
