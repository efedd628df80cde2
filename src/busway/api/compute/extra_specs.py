"""Extra specs of flavors; keys may have a colon, such as pci_passthrough:alias."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import Call, Reply
from busway.api.compute.answers import METADATA
from busway.api.operation import Operation
from busway.api.schema import Schema, wrapped
from busway.control import flavors
from busway.domain.errors import BadInput, NotFound

ROOT = "/compute/v2.1/flavors/{id}/os-extra_specs"

_VALUE = {"type": ["string", "number", "boolean"], "maxLength": 255}
_SPECS = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9-_:. ]{1,255}$": _VALUE},
    "additionalProperties": False,
}


def _text(value: object) -> str:
    # Nova stores what JSON's number or boolean looks like in Python.
    return value if isinstance(value, str) else str(value)


def _list(call: Call) -> Reply:
    flavor = flavors.get_flavor(call.control, call.caller, call.path["id"])
    return Reply({"extra_specs": dict(flavor.extra_specs)})


def _create(call: Call) -> Reply:
    specs = {key: _text(value) for key, value in call.body["extra_specs"].items()}
    flavors.set_extra_specs(call.control, call.caller, call.path["id"], specs)
    return Reply({"extra_specs": specs})


def _show(call: Call) -> Reply:
    flavor = flavors.get_flavor(call.control, call.caller, call.path["id"])
    key = call.path["key"]
    if key not in flavor.extra_specs:
        raise NotFound(f"Flavor {flavor.name} has no extra spec '{key}'", code="extra-spec-not-found")
    return Reply({key: flavor.extra_specs[key]})


def _update(call: Call) -> Reply:
    key = call.path["key"]
    if list(call.body) != [key]:
        raise BadInput(f"The body must have the one key of the path, {key}", code="invalid-body")
    specs = {key: _text(call.body[key])}
    flavors.set_extra_specs(call.control, call.caller, call.path["id"], specs)
    return Reply(specs)


def _delete(call: Call) -> Reply:
    flavors.delete_extra_spec(call.control, call.caller, call.path["id"], call.path["key"])
    return Reply()


OPERATIONS = (
    Operation(
        "GET", ROOT, _list, rule="os_compute_api:os-flavor-extra-specs:index", answer=wrap("extra_specs", METADATA)
    ),
    Operation(
        "POST",
        ROOT,
        _create,
        wrapped("extra_specs", _SPECS),
        rule="os_compute_api:os-flavor-extra-specs:create",
        answer=wrap("extra_specs", METADATA),
    ),
    Operation("GET", f"{ROOT}/{{key}}", _show, rule="os_compute_api:os-flavor-extra-specs:show", answer=METADATA),
    Operation(
        "PUT",
        f"{ROOT}/{{key}}",
        _update,
        Schema(_SPECS),
        rule="os_compute_api:os-flavor-extra-specs:update",
        answer=METADATA,
    ),
    Operation("DELETE", f"{ROOT}/{{key}}", _delete, rule="os_compute_api:os-flavor-extra-specs:delete"),
)
