"""Domains: each holds projects, users, groups and roles, with names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from busway.api.call import Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID_OR_NONE, OPTIONS, TEXT, changes_of, extra_of, options_of
from busway.api.identity.listing import NAME, flag, links, name_like, only
from busway.api.identity.resource import Resource
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, FLAG, PAGE, Definition, open_object, wrapped
from busway.control.identity import domains, grants
from busway.domain.identity import MOST_TAGS, Project, new_domain
from busway.store.projects import ProjectFilter

ROOT = "/identity/v3/domains"
_OWN, _OWN_SYSTEM = "/identity/v3/auth/domains", "/identity/v3/auth/system"
TAGS = {
    "type": "array",
    "maxItems": MOST_TAGS,
    "uniqueItems": True,
    "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"},
}
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"\S"},
    "description": TEXT,
    "enabled": BOOLEAN,
    "options": OPTIONS,
    "tags": TAGS,
}
_EXPLICIT = {"explicit_domain_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
_CREATE = wrapped("domain", open_object({**_FIELDS, **_EXPLICIT}, "name"))
_UPDATE = wrapped("domain", open_object(_FIELDS))
_QUERY: Definition = {**PAGE, **NAME, "enabled": FLAG}


def domain_body(call: Call, domain: Project) -> dict[str, object]:
    """A domain as the identity API shows it."""
    return {
        **domain.extra,
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": list(domain.tags),
        "options": dict(domain.options),
        "links": {"self": call.url(f"{ROOT}/{domain.id}")},
    }


def _find(call: Call) -> list[Project]:
    wanted = ProjectFilter(
        name=call.text("name"),
        enabled=flag(call, "enabled"),
        limit=call.number("limit"),
        marker=call.text("marker"),
        name_like=name_like(call),
    )
    return domains.list_domains(call.control, call.caller, wanted)


def make_domain(call: Call, given: Mapping[str, Any]) -> Project:
    """Creates the domain of a body."""
    known = {**_FIELDS, **_EXPLICIT, "is_domain": BOOLEAN, "domain_id": ID_OR_NONE, "parent_id": ID_OR_NONE}
    values = changes_of(given, "name", "description", "enabled")
    domain = replace(
        new_domain("", **values),
        options=options_of(given),
        tags=tuple(given.get("tags", ())),
        extra=extra_of(given, known, "id"),
    )
    return domains.create_domain(call.control, call.caller, domain, given.get("explicit_domain_id"))


def _update(call: Call, given: dict[str, Any]) -> Project:
    changes = changes_of(given, *_FIELDS)
    if "tags" in changes:
        changes["tags"] = tuple(changes["tags"])
    if extra := extra_of(given, _FIELDS):
        changes["extra"] = extra
    return domains.update_domain(call.control, call.caller, call.path["id"], changes)


_DOMAINS = Resource("domain", ROOT, answers.DOMAIN, domain_body, domains.get_domain, domains.delete_domain)


def _list_own(call: Call) -> Reply:
    only(call, {})
    found = domains.list_own_domains(call.control, call.caller)
    return Reply({"domains": [domain_body(call, each) for each in found], "links": links(call, _OWN)})


def _list_own_system(call: Call) -> Reply:
    only(call, {})
    has_role = bool(grants.list_own_system_roles(call.control, call.caller))
    return Reply({"system": [{"all": True}] if has_role else [], "links": links(call, _OWN_SYSTEM)})


OPERATIONS = (
    Operation(
        "GET", _OWN, _list_own, rule="identity:get_auth_domains", answer=answers.listed("domains", answers.DOMAIN)
    ),
    Operation("GET", _OWN_SYSTEM, _list_own_system, rule="identity:get_auth_system", answer=answers.SYSTEM),
    *_DOMAINS.operations(_find, make_domain, _update, query=_QUERY, bodies=(_CREATE, _UPDATE)),
)
