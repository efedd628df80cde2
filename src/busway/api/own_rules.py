"""Aliases and device specs under /busway/v1, which admins change at run time."""

from __future__ import annotations

import json
from typing import Any

from busway.api.answer import array, wrap, wrap_list
from busway.api.answer_types import of_type
from busway.api.bounds import LARGE_BODY_BYTES
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.api.schema import COUNT, FLAG, Schema, closed
from busway.control.rules import aliases, device_specs
from busway.control.rules.aliases import AliasChange, AliasStory, AliasView
from busway.control.rules.device_specs import DeviceSpecChange, DeviceSpecStory, DeviceSpecView
from busway.domain.config_warning import ConfigWarning

_ROOT = "/busway/v1"
_VERSION = {"type": "integer", "minimum": 1}
_LONGEST = 65536
# A text as in a file, or the same as JSON; only a text can show a key that stands twice.
_DEFINITIONS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 100,
    "items": {"type": ["string", "object"], "maxLength": _LONGEST},
}
_DEFINITION = {"type": ["string", "object", "array"], "maxLength": _LONGEST}
_BEFORE = {"type": "string", "minLength": 1, "maxLength": 64}

_CREATE_ALIAS = Schema(closed({"definitions": _DEFINITIONS}, "definitions"))
_CHANGE_ALIAS = Schema(closed({"definitions": _DEFINITIONS, "version": _VERSION}, "definitions"))
_CREATE_SPEC = Schema(closed({"definition": _DEFINITION, "before": _BEFORE}, "definition"))
_CHANGE_SPEC = Schema(closed({"definition": _DEFINITION, "before": _BEFORE, "version": _VERSION}))


def _list_aliases(call: Call) -> Reply:
    found, warnings = aliases.list_aliases(call.control, call.caller)
    return Reply({"aliases": found, "warnings": warnings})


def _show_alias(call: Call) -> Reply:
    return Reply({"alias": aliases.get_alias(call.control, call.caller, call.path["name"])})


def _create_alias(call: Call) -> Reply:
    return Reply(aliases.create_alias(call.control, call.caller, _texts(call.body["definitions"])), 201)


def _change_alias(call: Call) -> Reply:
    texts, version = _texts(call.body["definitions"]), call.body.get("version")
    return Reply(aliases.change_alias(call.control, call.caller, call.path["name"], texts, version))


def _delete_alias(call: Call) -> Reply:
    version, force = call.number("version"), call.flag("force")
    return Reply(aliases.delete_alias(call.control, call.caller, call.path["name"], version, force=force))


def _list_device_specs(call: Call) -> Reply:
    found, warnings = device_specs.list_device_specs(call.control, call.caller)
    return Reply({"device_specs": found, "warnings": warnings})


def _show_device_spec(call: Call) -> Reply:
    return Reply({"device_spec": device_specs.get_device_spec(call.control, call.caller, call.path["id"])})


def _create_device_spec(call: Call) -> Reply:
    text, before = _text(call.body["definition"]), call.body.get("before")
    return Reply(device_specs.create_device_spec(call.control, call.caller, text, before), 201)


def _change_device_spec(call: Call) -> Reply:
    text = _text(call.body["definition"]) if "definition" in call.body else None
    version, before = call.body.get("version"), call.body.get("before")
    made = device_specs.change_device_spec(call.control, call.caller, call.path["id"], version, text, before)
    return Reply(made)


def _delete_device_spec(call: Call) -> Reply:
    return Reply(device_specs.delete_device_spec(call.control, call.caller, call.path["id"], call.number("version")))


def _texts(definitions: list[Any]) -> list[str]:
    return [_text(each) for each in definitions]


def _text(definition: Any) -> str:
    return definition if isinstance(definition, str) else json.dumps(definition)


_WARNINGS = array(of_type(ConfigWarning))

OPERATIONS = (
    Operation(
        "GET",
        f"{_ROOT}/aliases",
        _list_aliases,
        rule="busway:aliases:list",
        answer=wrap_list("aliases", of_type(AliasView), warnings=_WARNINGS),
    ),
    Operation(
        "POST",
        f"{_ROOT}/aliases",
        _create_alias,
        _CREATE_ALIAS,
        body_bytes=LARGE_BODY_BYTES,
        rule="busway:aliases:create",
        answer=of_type(AliasChange),
    ),
    Operation(
        "GET",
        f"{_ROOT}/aliases/{{name:path}}",
        _show_alias,
        rule="busway:aliases:show",
        answer=wrap("alias", of_type(AliasStory)),
    ),
    Operation(
        "PATCH",
        f"{_ROOT}/aliases/{{name:path}}",
        _change_alias,
        _CHANGE_ALIAS,
        body_bytes=LARGE_BODY_BYTES,
        rule="busway:aliases:update",
        answer=of_type(AliasChange),
    ),
    Operation(
        "DELETE",
        f"{_ROOT}/aliases/{{name:path}}",
        _delete_alias,
        query={"version": COUNT, "force": FLAG},
        rule="busway:aliases:delete",
        answer=of_type(AliasChange),
    ),
    Operation(
        "GET",
        f"{_ROOT}/device-specs",
        _list_device_specs,
        rule="busway:device-specs:list",
        answer=wrap_list("device_specs", of_type(DeviceSpecView), warnings=_WARNINGS),
    ),
    Operation(
        "POST",
        f"{_ROOT}/device-specs",
        _create_device_spec,
        _CREATE_SPEC,
        body_bytes=LARGE_BODY_BYTES,
        rule="busway:device-specs:create",
        answer=of_type(DeviceSpecChange),
    ),
    Operation(
        "GET",
        f"{_ROOT}/device-specs/{{id}}",
        _show_device_spec,
        rule="busway:device-specs:show",
        answer=wrap("device_spec", of_type(DeviceSpecStory)),
    ),
    Operation(
        "PATCH",
        f"{_ROOT}/device-specs/{{id}}",
        _change_device_spec,
        _CHANGE_SPEC,
        body_bytes=LARGE_BODY_BYTES,
        rule="busway:device-specs:update",
        answer=of_type(DeviceSpecChange),
    ),
    Operation(
        "DELETE",
        f"{_ROOT}/device-specs/{{id}}",
        _delete_device_spec,
        query={"version": COUNT},
        rule="busway:device-specs:delete",
        answer=of_type(DeviceSpecChange),
    ),
)
