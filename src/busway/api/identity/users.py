"""Users."""

from __future__ import annotations

from typing import Any

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import micro_time
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, TEXT, changes_of, extra_of, options_of
from busway.api.identity.listing import NAME, flag, name_like, only
from busway.api.identity.projects import listed as listed_projects
from busway.api.identity.resource import Resource
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, FLAG, PAGE, WORD, Definition, closed, open_object, wrapped
from busway.control.identity import projects, users
from busway.control.identity.proof import METHODS, password_expires
from busway.domain.identity import User
from busway.domain.ids import ProjectId, UserId
from busway.store.users import UserFilter

ROOT = "/identity/v3/users"
_SWITCH = {"type": ["boolean", "null"]}
# Each rule is a list of methods, all of which are needed; one rule is enough.
_RULE = {"type": "array", "minItems": 1, "maxItems": 10, "uniqueItems": True, "items": {"enum": list(METHODS)}}
_OPTIONS = closed(
    {
        "lock_password": _SWITCH,
        "ignore_password_expiry": _SWITCH,
        "multi_factor_auth_enabled": _SWITCH,
        "multi_factor_auth_rules": {"type": ["array", "null"], "maxItems": 20, "items": _RULE},
    }
)
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"},
    "password": {"type": ["string", "null"], "minLength": 1, "maxLength": 4096},
    "description": TEXT,
    "email": {"type": ["string", "null"], "maxLength": 255},
    "enabled": BOOLEAN,
    "default_project_id": ID_OR_NONE,
    "domain_id": ID_OR_NONE,
    "options": _OPTIONS,
}
_REFUSED = ("federated", "password_expires_at")
_CREATE = wrapped("user", open_object(_FIELDS, "name"))
_UPDATE = wrapped("user", open_object(_FIELDS))
_SECRET = {"type": "string", "minLength": 1, "maxLength": 4096}
_PASSWORDS = closed({"password": _SECRET, "original_password": _SECRET}, "password", "original_password")
_CHANGE_PASSWORD = wrapped("user", _PASSWORDS)
QUERY: Definition = {**PAGE, **NAME, "domain_id": WORD, "enabled": FLAG}


def expiry(call: Call, user: User) -> str | None:
    """When a user's password must be changed, as the identity API writes it."""
    moment = password_expires(call.control, user)
    return micro_time(moment) if moment is not None else None


def user_body(call: Call, user: User) -> dict[str, object]:
    """A user as the identity API shows it."""
    body: dict[str, object] = {
        **user.extra,
        "id": user.id,
        "name": user.name,
        "enabled": user.enabled,
        "description": user.description,
        "domain_id": user.domain_id,
        "password_expires_at": expiry(call, user),
        "options": dict(user.options),
        "links": {"self": call.url(f"{ROOT}/{user.id}")},
    }
    if user.email is not None:
        body["email"] = user.email
    if user.default_project_id is not None:
        body["default_project_id"] = user.default_project_id
    return body


def user_filter(call: Call) -> UserFilter:
    """What a query of users asks for."""
    only(call, QUERY)
    return UserFilter(
        name=call.text("name"),
        enabled=flag(call, "enabled"),
        domain_id=call.text("domain_id"),
        limit=call.number("limit"),
        marker=call.text("marker"),
        name_like=name_like(call),
    )


def _find(call: Call) -> list[User]:
    return users.list_users(call.control, call.caller, user_filter(call))


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    changes = changes_of(given, *(name for name in _FIELDS if name != "password"))
    if "default_project_id" in changes:
        project = changes["default_project_id"]
        changes["default_project_id"] = ProjectId(project) if project else None
    if extra := extra_of(given, _FIELDS, *_REFUSED):
        changes["extra"] = extra
    return changes


def _create(call: Call, given: dict[str, Any]) -> User:
    extra_of(given, _FIELDS, "id")
    changes = {**_changes(given), "options": options_of(given)}
    domain = changes.pop("domain_id", None)
    return users.create_user(call.control, call.caller, User(UserId(""), **changes), given.get("password"), domain)


def _update(call: Call, given: dict[str, Any]) -> User:
    password = given.get("password", users.UNCHANGED)
    return users.update_user(call.control, call.caller, call.path["id"], _changes(given), password)


USERS = Resource(
    "user", ROOT, answers.USER, user_body, users.get_user, users.delete_user, domain_of=lambda user: user.domain_id
)


def _change_password(call: Call) -> Reply:
    given = call.body["user"]
    original, new = given["original_password"], given["password"]
    users.change_password(call.control, call.path["id"], original, new, call.address)
    return NO_CONTENT


def _list_projects(call: Call) -> Reply:
    only(call, {})
    user_id = call.path["id"]
    found = projects.list_user_projects(call.control, call.caller, user_id)
    return listed_projects(call, f"{ROOT}/{user_id}/projects", found)


OPERATIONS = (
    *USERS.operations(_find, _create, _update, query=QUERY, bodies=(_CREATE, _UPDATE), hashes=True),
    Operation(
        "GET",
        f"{ROOT}/{{id}}/projects",
        _list_projects,
        rule="identity:list_user_projects",
        answer=answers.listed("projects", answers.PROJECT),
    ),
    Operation(
        "POST",
        f"{ROOT}/{{id}}/password",
        _change_password,
        _CHANGE_PASSWORD,
        public=True,
        hashes=True,
        login="identity:change_password",
    ),
)
