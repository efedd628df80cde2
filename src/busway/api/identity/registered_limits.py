"""Registered limits: those of all projects that have none of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from busway.api.answer import wrap, wrap_list
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.identity import answers
from busway.api.identity.attributes import ID, check_id
from busway.api.identity.listing import links, only
from busway.api.operation import Operation
from busway.api.schema import WORD, Definition, Schema, closed
from busway.control.identity import limits
from busway.control.identity.limits import NewLimit
from busway.control.identity.tree import refuse_move
from busway.domain.limit import RegisteredLimit

ROOT = "/identity/v3/registered_limits"
NUMBER = {"type": "integer", "minimum": -1, "maximum": 0x7FFFFFFF}
REGION = {"type": ["string", "null"], "maxLength": 255}
DESCRIPTION = {"type": ["string", "null"], "maxLength": 4096}
_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_FIELDS = {
    "service_id": ID,
    "region_id": REGION,
    "resource_name": _NAME,
    "default_limit": NUMBER,
    "description": DESCRIPTION,
}
_ONE = closed(_FIELDS, "service_id", "resource_name", "default_limit")
_CREATE = Schema(
    closed({"registered_limits": {"type": "array", "items": _ONE, "minItems": 1, "maxItems": 100}}, "registered_limits")
)
_UPDATE = Schema(closed({"registered_limit": closed({"id": ID, **_FIELDS})}, "registered_limit"))
_QUERY: Definition = {"service_id": WORD, "region_id": WORD, "resource_name": WORD}


def _body(call: Call, limit: RegisteredLimit, services: Mapping[str, str]) -> dict[str, object]:
    return {
        "id": limit.counted.id,
        "service_id": services[limit.counted.service],
        "region_id": call.control.settings.region,
        "resource_name": limit.counted.name,
        "default_limit": limit.default,
        "description": limit.description,
        "links": {"self": call.url(f"{ROOT}/{limit.counted.id}")},
    }


def _bodies(call: Call, found: Sequence[RegisteredLimit]) -> list[dict[str, object]]:
    services = limits.service_ids(call.control)
    return [_body(call, each, services) for each in found]


def _list(call: Call) -> Reply:
    only(call, _QUERY)
    asked = {name: value for name in _QUERY if (value := call.text(name)) is not None}
    rows = _bodies(call, limits.list_registered(call.control, call.caller))
    kept = [row for row in rows if all(row[name] == value for name, value in asked.items())]
    return Reply({"registered_limits": kept, "links": links(call, ROOT)})


def _show(call: Call) -> Reply:
    found = limits.get_registered(call.control, call.caller, call.path["id"])
    return Reply({"registered_limit": _bodies(call, [found])[0]})


def _create(call: Call) -> Reply:
    asked = [
        NewLimit(
            each["service_id"],
            each["resource_name"],
            each["default_limit"],
            region_id=each.get("region_id"),
            description=each.get("description"),
        )
        for each in call.body["registered_limits"]
    ]
    made = limits.create_registered(call.control, call.caller, asked)
    return Reply({"registered_limits": _bodies(call, made)}, 201)


def _update(call: Call) -> Reply:
    given = dict(call.body["registered_limit"])
    check_id(given, call.path["id"])
    limit, description = given.pop("default_limit", None), given.pop("description", None)
    if given:
        known = _bodies(call, [limits.get_registered(call.control, call.caller, call.path["id"])])[0]
        check_fixed("registered limit", known, given)
    changed = limits.update_registered(call.control, call.caller, call.path["id"], limit, description)
    return Reply({"registered_limit": _bodies(call, [changed])[0]})


def check_fixed(kind: str, known: Mapping[str, object], given: Mapping[str, Any]) -> None:
    """Raises `BadInput` where an attribute that never changes is given another value."""
    for name, value in given.items():
        refuse_move(kind, name, known[name], value)


def _delete(call: Call) -> Reply:
    limits.delete_registered(call.control, call.caller, call.path["id"])
    return NO_CONTENT


_ANSWER = wrap("registered_limit", answers.REGISTERED_LIMIT)
OPERATIONS = (
    Operation(
        "GET",
        ROOT,
        _list,
        query=_QUERY,
        rule="identity:list_registered_limits",
        answer=answers.listed("registered_limits", answers.REGISTERED_LIMIT),
    ),
    Operation(
        "POST",
        ROOT,
        _create,
        _CREATE,
        rule="identity:create_registered_limits",
        answer=wrap_list("registered_limits", answers.REGISTERED_LIMIT),
    ),
    Operation("GET", f"{ROOT}/{{id}}", _show, rule="identity:get_registered_limit", answer=_ANSWER),
    Operation("PATCH", f"{ROOT}/{{id}}", _update, _UPDATE, rule="identity:update_registered_limit", answer=_ANSWER),
    Operation("DELETE", f"{ROOT}/{{id}}", _delete, rule="identity:delete_registered_limit"),
)
