"""Roles: those of the whole cloud, and those of domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, OPTIONS, TEXT, check_id, extra_of, options_of
from busway.api.identity.listing import IN_DOMAIN, in_asked_domain, links, only
from busway.api.operation import Operation
from busway.api.schema import WORD, Definition, Schema, open_object
from busway.control.identity import roles
from busway.domain.identity import Role

ROOT = "/identity/v3/roles"
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"},
    "description": TEXT,
    "domain_id": ID_OR_NONE,
    "options": OPTIONS,
}
_CREATE = Schema(open_object({"role": open_object(_FIELDS, "name")}, "role"))
_UPDATE = Schema(open_object({"role": open_object(_FIELDS)}, "role"))
_QUERY: Definition = {"name": WORD, "domain_id": WORD}


def role_body(call: Call, role: Role) -> dict[str, object]:
    """A role as the identity API shows it; the built-in ones can't be changed, whatever their options."""
    return {
        **role.extra,
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "domain_id": role.domain_id or None,
        "options": {"immutable": True} if roles.is_built_in(role) else dict(role.options),
        "links": {"self": call.url(f"{ROOT}/{role.id}")},
    }


def listed(call: Call, path: str, found: Sequence[Role]) -> Reply:
    """A list of roles with its links."""
    return Reply({"roles": [role_body(call, each) for each in found], "links": links(call, path)})


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    found = roles.list_roles(call.control, call.caller, call.text("domain_id") or "", call.text("name"))
    return listed(call, ROOT, found)


def _show(call: Call) -> Reply:
    only(call, IN_DOMAIN)
    role = roles.get_role(call.control, call.caller, call.path["id"])
    in_asked_domain(call, "role", role.domain_id)
    return Reply({"role": role_body(call, role)})


def _create(call: Call) -> Reply:
    given: dict[str, Any] = call.body["role"]
    role = Role(
        "",
        given["name"],
        given.get("domain_id") or "",
        given.get("description"),
        options_of(given),
        extra_of(given, _FIELDS, "id"),
    )
    return Reply({"role": role_body(call, roles.create_role(call.control, call.caller, role))}, 201)


def _update(call: Call) -> Reply:
    given = dict(call.body["role"])
    check_id(given, call.path["id"])
    changes: dict[str, Any] = {name: given[name] for name in _FIELDS if name in given}
    if extra := extra_of(given, _FIELDS):
        changes["extra"] = extra
    return Reply({"role": role_body(call, roles.update_role(call.control, call.caller, call.path["id"], changes))})


def _delete(call: Call) -> Reply:
    roles.delete_role(call.control, call.caller, call.path["id"])
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "GET", ROOT, _list, query=_QUERY, rule="identity:list_roles", answer=answers.listed("roles", answers.ROLE)
    ),
    Operation("POST", ROOT, _create, _CREATE, rule="identity:create_role", answer=wrap("role", answers.ROLE)),
    Operation(
        "GET", f"{ROOT}/{{id}}", _show, query=IN_DOMAIN, rule="identity:get_role", answer=wrap("role", answers.ROLE)
    ),
    Operation(
        "PATCH", f"{ROOT}/{{id}}", _update, _UPDATE, rule="identity:update_role", answer=wrap("role", answers.ROLE)
    ),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="identity:delete_role"),
)
