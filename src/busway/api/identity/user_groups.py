"""Groups of users: a role of a group is a role of each of its users."""

from __future__ import annotations

from collections.abc import Sequence

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, TEXT, changes_of, check_id, extra_of
from busway.api.identity.listing import IN_DOMAIN, in_asked_domain, links, only
from busway.api.identity.users import QUERY as USER_QUERY
from busway.api.identity.users import listed as listed_users
from busway.api.identity.users import user_filter
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition, Schema, open_object
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
_CREATE = Schema(open_object({"group": open_object(_FIELDS, "name")}, "group"))
_UPDATE = Schema(open_object({"group": open_object(_FIELDS)}, "group"))
_QUERY: Definition = {**PAGE, "name": WORD, "domain_id": WORD}


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
        call.text("name"), call.text("domain_id"), limit=call.number("limit"), marker=call.text("marker")
    )


def _listed(call: Call, path: str, found: Sequence[UserGroup]) -> Reply:
    rows = [group_body(call, each) for each in found]
    return Reply({"groups": rows, "links": links(call, path, [each.id for each in found])})


def _list(call: Call) -> Reply:
    return _listed(call, ROOT, groups.list_groups(call.control, call.caller, _filter(call)))


def _list_of_user(call: Call) -> Reply:
    user_id = call.path["id"]
    found = groups.list_user_groups(call.control, call.caller, user_id, _filter(call))
    return _listed(call, f"/identity/v3/users/{user_id}/groups", found)


def _show(call: Call) -> Reply:
    only(call, IN_DOMAIN)
    group = groups.get_group(call.control, call.caller, call.path["id"])
    in_asked_domain(call, "user-group", group.domain_id)
    return Reply({"group": group_body(call, group)})


def _create(call: Call) -> Reply:
    given = call.body["group"]
    group = UserGroup("", **changes_of(given, "name", "description"), extra=extra_of(given, _FIELDS, "id"))
    made = groups.create_group(call.control, call.caller, group, given.get("domain_id"))
    return Reply({"group": group_body(call, made)}, 201)


def _update(call: Call) -> Reply:
    given = dict(call.body["group"])
    check_id(given, call.path["id"])
    changes = changes_of(given, *_FIELDS)
    if extra := extra_of(given, _FIELDS):
        changes["extra"] = extra
    return Reply({"group": group_body(call, groups.update_group(call.control, call.caller, call.path["id"], changes))})


def _delete(call: Call) -> Reply:
    groups.delete_group(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _list_users(call: Call) -> Reply:
    found = groups.list_members(call.control, call.caller, call.path["id"], user_filter(call))
    return listed_users(call, f"{ROOT}/{call.path['id']}/users", found)


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
    Operation(
        "GET", ROOT, _list, query=_QUERY, rule="identity:list_groups", answer=answers.listed("groups", answers.GROUP)
    ),
    Operation("POST", ROOT, _create, _CREATE, rule="identity:create_group", answer=wrap("group", answers.GROUP)),
    Operation(
        "GET", f"{ROOT}/{{id}}", _show, query=IN_DOMAIN, rule="identity:get_group", answer=wrap("group", answers.GROUP)
    ),
    Operation(
        "PATCH", f"{ROOT}/{{id}}", _update, _UPDATE, rule="identity:update_group", answer=wrap("group", answers.GROUP)
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="identity:delete_group"),
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
