"""Roles: those of the whole cloud, and those of domains."""

from __future__ import annotations

from typing import Any

from busway.api.call import Call
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, OPTIONS, TEXT, extra_of, options_of
from busway.api.identity.listing import NAME, name_like
from busway.api.identity.resource import Resource
from busway.api.schema import WORD, Definition, open_object, wrapped
from busway.control.identity import roles
from busway.domain.identity import Role

ROOT = "/identity/v3/roles"
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"},
    "description": TEXT,
    "domain_id": ID_OR_NONE,
    "options": OPTIONS,
}
_CREATE = wrapped("role", open_object(_FIELDS, "name"))
_UPDATE = wrapped("role", open_object(_FIELDS))
_QUERY: Definition = {**NAME, "domain_id": WORD}


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


def _find(call: Call) -> list[Role]:
    domain_id = call.text("domain_id") or ""
    return roles.list_roles(call.control, call.caller, domain_id, call.text("name"), name_like(call))


def _create(call: Call, given: dict[str, Any]) -> Role:
    role = Role(
        "",
        given["name"],
        given.get("domain_id") or "",
        given.get("description"),
        options_of(given),
        extra_of(given, _FIELDS, "id"),
    )
    return roles.create_role(call.control, call.caller, role)


def _update(call: Call, given: dict[str, Any]) -> Role:
    changes: dict[str, Any] = {name: given[name] for name in _FIELDS if name in given}
    if extra := extra_of(given, _FIELDS):
        changes["extra"] = extra
    return roles.update_role(call.control, call.caller, call.path["id"], changes)


ROLES = Resource(
    "role", ROOT, answers.ROLE, role_body, roles.get_role, roles.delete_role, domain_of=lambda role: role.domain_id
)
OPERATIONS = ROLES.operations(_find, _create, _update, query=_QUERY, bodies=(_CREATE, _UPDATE))
