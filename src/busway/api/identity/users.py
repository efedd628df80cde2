"""Users."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity.answers import PROJECT, USER, listed
from busway.api.identity.listing import DIRECTORY_QUERY, directory_filter, in_domain, next_page
from busway.api.identity.projects import project_body
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, Schema, as_bool, open_object
from busway.control.identity import directory as identity
from busway.control.identity import grants
from busway.domain.identity import DOMAIN_ID, User
from busway.domain.ids import ProjectId, UserId

_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "password": {"type": ["string", "null"], "minLength": 1, "maxLength": 4096},
    "description": {"type": ["string", "null"], "maxLength": 65535},
    "email": {"type": ["string", "null"], "maxLength": 255},
    "enabled": BOOLEAN,
    "default_project_id": {"type": ["string", "null"], "maxLength": 64},
}
_CREATE = Schema(open_object({"user": open_object(_FIELDS, "name")}, "user"))
_UPDATE = Schema(open_object({"user": open_object(_FIELDS)}, "user"))
_SECRET = {"type": "string", "minLength": 1, "maxLength": 4096}
_PASSWORDS = open_object({"password": _SECRET, "original_password": _SECRET}, "password", "original_password")
_CHANGE_PASSWORD = Schema(open_object({"user": _PASSWORDS}, "user"))


def user_body(call: Call, user: User) -> dict[str, object]:
    """A user as the identity API shows it."""
    body: dict[str, object] = {
        "id": user.id,
        "name": user.name,
        "enabled": user.enabled,
        "description": user.description,
        "domain_id": DOMAIN_ID,
        "password_expires_at": None,
        "options": {},
        "links": {"self": call.url(f"/identity/v3/users/{user.id}")},
    }
    if user.email is not None:
        body["email"] = user.email
    if user.default_project_id is not None:
        body["default_project_id"] = user.default_project_id
    return body


def _list(call: Call) -> Reply:
    found = identity.list_users(call.control, call.caller, directory_filter(call)) if in_domain(call) else []
    rows = [user_body(call, each) for each in found]
    return Reply({"users": rows, "links": {"next": next_page(call, "/identity/v3/users", [each.id for each in found])}})


def _show(call: Call) -> Reply:
    return Reply({"user": user_body(call, identity.get_user(call.control, call.caller, call.path["id"]))})


def _changes(given: dict[str, object]) -> dict[str, object]:
    changes: dict[str, object] = {
        key: given[key] for key in ("name", "description", "email", "default_project_id") if key in given
    }
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    if "enabled" in given:
        changes["enabled"] = as_bool(given["enabled"], "enabled")
    return changes


def _create(call: Call) -> Reply:
    given = call.body["user"]
    project = given.get("default_project_id")
    user = User(
        id=UserId(""),
        name=given["name"],
        enabled=as_bool(given.get("enabled", True), "enabled"),
        description=given.get("description") or "",
        email=given.get("email"),
        default_project_id=ProjectId(project) if project else None,
    )
    made = identity.create_user(call.control, call.caller, user, given.get("password"))
    return Reply({"user": user_body(call, made)}, 201)


def _update(call: Call) -> Reply:
    given = call.body["user"]
    user = identity.update_user(
        call.control, call.caller, call.path["id"], _changes(given), given.get("password", identity.UNCHANGED)
    )
    return Reply({"user": user_body(call, user)})


def _delete(call: Call) -> Reply:
    identity.delete_user(call.control, call.caller, call.path["id"])
    return NO_CONTENT


def _change_password(call: Call) -> Reply:
    given = call.body["user"]
    original, new = given["original_password"], given["password"]
    identity.change_password(call.control, call.path["id"], original, new, call.address)
    return NO_CONTENT


def _list_projects(call: Call) -> Reply:
    found = grants.list_assignments(call.control, call.caller, user_id=call.path["id"], rule=call.rule)
    projects = {each.project.id: each.project for each in found}
    return Reply({"projects": [project_body(call, each) for each in projects.values()], "links": {"next": None}})


OPERATIONS = (
    Operation(
        "GET",
        "/identity/v3/users",
        _list,
        query=DIRECTORY_QUERY,
        rule="identity:list_users",
        answer=listed("users", USER),
    ),
    Operation(
        "POST",
        "/identity/v3/users",
        _create,
        _CREATE,
        rule="identity:create_user",
        hashes=True,
        answer=wrap("user", USER),
    ),
    Operation("GET", "/identity/v3/users/{id}", _show, rule="identity:get_user", answer=wrap("user", USER)),
    Operation(
        "PATCH",
        "/identity/v3/users/{id}",
        _update,
        _UPDATE,
        rule="identity:update_user",
        hashes=True,
        answer=wrap("user", USER),
    ),
    Operation("DELETE", "/identity/v3/users/{id}", _delete, rule="identity:delete_user"),
    Operation(
        "GET",
        "/identity/v3/users/{id}/projects",
        _list_projects,
        rule="identity:list_user_projects",
        answer=listed("projects", PROJECT),
    ),
    Operation(
        "POST",
        "/identity/v3/users/{id}/password",
        _change_password,
        _CHANGE_PASSWORD,
        public=True,
        hashes=True,
        login="identity:change_password",
    ),
)
