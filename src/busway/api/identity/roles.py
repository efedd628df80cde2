"""Roles and role assignments."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity.answers import ASSIGNMENT, ROLE, listed
from busway.api.operation import Operation
from busway.api.schema import FLAG, WORD, Schema, open_object
from busway.control.identity import grants as identity
from busway.domain.errors import NotFound
from busway.domain.identity import DOMAIN_ID, DOMAIN_NAME, Role

_CREATE = Schema(
    open_object({"role": open_object({"name": {"type": "string", "minLength": 1, "maxLength": 255}}, "name")}, "role")
)
_SYSTEM = "/identity/v3/system/users/{user}/roles"
_ASSIGNED = "/identity/v3/projects/{project}/users/{user}/roles"


def _body(call: Call, role: Role) -> dict[str, object]:
    link = call.url(f"/identity/v3/roles/{role.id}")
    return {
        "id": role.id,
        "name": role.name,
        "description": None,
        "domain_id": None,
        "options": {},
        "links": {"self": link},
    }


def _list(call: Call) -> Reply:
    name = call.text("name")
    found = [each for each in identity.list_roles(call.control, call.caller) if name in (None, each.name)]
    return Reply({"roles": [_body(call, each) for each in found], "links": {"next": None}})


def _show(call: Call) -> Reply:
    for role in identity.list_roles(call.control, call.caller):
        if role.id == call.path["id"]:
            return Reply({"role": _body(call, role)})
    raise NotFound(f"Could not find role: {call.path['id']}", code="role-not-found")


def _create(call: Call) -> Reply:
    made = identity.create_role(call.control, call.caller, call.body["role"]["name"])
    return Reply({"role": _body(call, made)}, 201)


def _delete(call: Call) -> Reply:
    identity.delete_role(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _list_assignments(call: Call) -> Reply:
    found = identity.list_assignments(call.control, call.caller, call.text("user.id"), call.text("scope.project.id"))
    wanted = call.text("role.id")
    domain = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
    names = call.flag("include_names")
    rows = [
        {
            "role": {"id": each.role.id, **({"name": each.role.name} if names else {})},
            "user": {"id": each.user.id, **({"name": each.user.name, "domain": domain} if names else {})},
            "scope": {
                "project": {"id": each.project.id, **({"name": each.project.name, "domain": domain} if names else {})}
            },
            "links": {},
        }
        for each in found
        if wanted in (None, each.role.id)
    ]
    return Reply({"role_assignments": rows, "links": {"next": None}})


def _list_assigned(call: Call) -> Reply:
    found = identity.list_assignments(call.control, call.caller, call.path["user"], call.path["project"], call.rule)
    return Reply({"roles": [_body(call, each.role) for each in found], "links": {"next": None}})


def _assign(call: Call) -> Reply:
    identity.assign_role(call.control, call.caller, call.path["user"], call.path["project"], call.path["role"])
    return NO_CONTENT


def _unassign(call: Call) -> Reply:
    path = call.path
    if not identity.unassign_role(call.control, call.caller, path["user"], path["project"], path["role"]):
        raise NotFound("The user has no such role in the project", code="assignment-not-found")
    return NO_CONTENT


def _check(call: Call) -> Reply:
    path = call.path
    found = identity.list_assignments(call.control, call.caller, path["user"], path["project"], call.rule)
    if not any(each.role.id == path["role"] for each in found):
        raise NotFound("The user has no such role in the project", code="assignment-not-found")
    return NO_CONTENT


def _list_system(call: Call) -> Reply:
    found = identity.list_system_roles(call.control, call.caller, call.path["user"])
    return Reply({"roles": [_body(call, each) for each in found], "links": {"next": None}})


def _check_system(call: Call) -> Reply:
    path = call.path
    found = identity.list_system_roles(call.control, call.caller, path["user"], call.rule)
    if not any(each.id == path["role"] for each in found):
        raise NotFound("The user has no such role on the system", code="assignment-not-found")
    return NO_CONTENT


def _assign_system(call: Call) -> Reply:
    identity.assign_system_role(call.control, call.caller, call.path["user"], call.path["role"])
    return NO_CONTENT


def _unassign_system(call: Call) -> Reply:
    if not identity.unassign_system_role(call.control, call.caller, call.path["user"], call.path["role"]):
        raise NotFound("The user has no such role on the system", code="assignment-not-found")
    return NO_CONTENT


_ASSIGNMENTS = {"user.id": WORD, "role.id": WORD, "scope.project.id": WORD, "include_names": FLAG}

OPERATIONS = (
    Operation(
        "GET",
        "/identity/v3/roles",
        _list,
        query={"name": WORD},
        rule="identity:list_roles",
        answer=listed("roles", ROLE),
    ),
    Operation("POST", "/identity/v3/roles", _create, _CREATE, rule="identity:create_role", answer=wrap("role", ROLE)),
    Operation("GET", "/identity/v3/roles/{id}", _show, rule="identity:get_role", answer=wrap("role", ROLE)),
    Operation("DELETE", "/identity/v3/roles/{id}", _delete, rule="identity:delete_role"),
    Operation(
        "GET",
        "/identity/v3/role_assignments",
        _list_assignments,
        query=_ASSIGNMENTS,
        rule="identity:list_role_assignments",
        answer=listed("role_assignments", ASSIGNMENT),
    ),
    Operation("GET", _ASSIGNED, _list_assigned, rule="identity:list_grants", answer=listed("roles", ROLE)),
    Operation("PUT", _ASSIGNED + "/{role}", _assign, rule="identity:create_grant"),
    Operation("GET", _ASSIGNED + "/{role}", _check, rule="identity:check_grant"),
    Operation("DELETE", _ASSIGNED + "/{role}", _unassign, rule="identity:revoke_grant"),
    Operation("GET", _SYSTEM, _list_system, rule="identity:list_system_grants_for_user", answer=listed("roles", ROLE)),
    Operation("PUT", _SYSTEM + "/{role}", _assign_system, rule="identity:create_system_grant_for_user"),
    Operation("GET", _SYSTEM + "/{role}", _check_system, rule="identity:check_system_grant_for_user"),
    Operation("DELETE", _SYSTEM + "/{role}", _unassign_system, rule="identity:revoke_system_grant_for_user"),
)
