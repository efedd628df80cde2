"""Groups of users: a role of a group is a role of each of its users."""

from __future__ import annotations

from typing import Any

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, TEXT, changes_of, extra_of
from busway.api.identity.listing import NAME, name_like, only
from busway.api.identity.resource import Resource
from busway.api.identity.users import QUERY as USER_QUERY
from busway.api.identity.users import USERS, user_filter
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition, open_object, wrapped
from busway.control.identity import user_groups as groups
from busway.domain.user_group import UserGroup
from busway.store.user_groups import UserGroupFilter

ROOT = "/identity/v3/groups"
_OF_USER = "/identity/v3/users/{id}/groups"
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"\S"},
    "description": TEXT,
    "domain_id": ID_OR_NONE,
}
_CREATE = wrapped("group", open_object(_FIELDS, "name"))
_UPDATE = wrapped("group", open_object(_FIELDS))
_QUERY: Definition = {**PAGE, **NAME, "domain_id": WORD}


def group_body(call: Call, group: UserGroup) -> dict[str, object]:
    """A group as the identity API shows it."""
    return {
        **group.extra,
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "domain_id": group.domain_id,
        "links": {"self": call.url(f"{ROOT}/{group.id}")},
    }


def _filter(call: Call) -> UserGroupFilter:
    only(call, _QUERY)
    return UserGroupFilter(
        call.text("name"),
        call.text("domain_id"),
        limit=call.number("limit"),
        marker=call.text("marker"),
        name_like=name_like(call),
    )


def _find(call: Call) -> list[UserGroup]:
    return groups.list_groups(call.control, call.caller, _filter(call))


def _create(call: Call, given: dict[str, Any]) -> UserGroup:
    group = UserGroup("", **changes_of(given, "name", "description"), extra=extra_of(given, _FIELDS, "id"))
    return groups.create_group(call.control, call.caller, group, given.get("domain_id"))


def _update(call: Call, given: dict[str, Any]) -> UserGroup:
    changes = changes_of(given, *_FIELDS)
    if extra := extra_of(given, _FIELDS):
        changes["extra"] = extra
    return groups.update_group(call.control, call.caller, call.path["id"], changes)


_GROUPS = Resource(
    "group",
    ROOT,
    answers.GROUP,
    group_body,
    groups.get_group,
    groups.delete_group,
    domain_of=lambda group: group.domain_id,
    kind="user-group",
)


def _list_of_user(call: Call) -> Reply:
    user_id = call.path["id"]
    found = groups.list_user_groups(call.control, call.caller, user_id, _filter(call))
    return _GROUPS.many(call, f"/identity/v3/users/{user_id}/groups", found)


def _list_users(call: Call) -> Reply:
    found = groups.list_members(call.control, call.caller, call.path["id"], user_filter(call))
    return USERS.many(call, f"{ROOT}/{call.path['id']}/users", found)


def _add(call: Call) -> Reply:
    groups.add_member(call.control, call.caller, call.path["id"], call.path["user"])
    return NO_CONTENT


def _check(call: Call) -> Reply:
    groups.check_member(call.control, call.caller, call.path["id"], call.path["user"])
    return NO_CONTENT


def _remove(call: Call) -> Reply:
    groups.remove_member(call.control, call.caller, call.path["id"], call.path["user"])
    return NO_CONTENT


_USERS = f"{ROOT}/{{id}}/users"
_USER = f"{_USERS}/{{user}}"

OPERATIONS = (
    *_GROUPS.operations(_find, _create, _update, query=_QUERY, bodies=(_CREATE, _UPDATE)),
    Operation(
        "GET",
        _USERS,
        _list_users,
        query=USER_QUERY,
        rule="identity:list_users_in_group",
        answer=answers.listed("users", answers.USER),
    ),
    Operation("PUT", _USER, _add, rule="identity:add_user_to_group"),
    Operation("GET", _USER, _check, rule="identity:check_user_in_group"),
    Operation("DELETE", _USER, _remove, rule="identity:remove_user_from_group"),
    Operation(
        "GET",
        _OF_USER,
        _list_of_user,
        query=_QUERY,
        rule="identity:list_groups_for_user",
        answer=answers.listed("groups", answers.GROUP),
    ),
)
