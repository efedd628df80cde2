"""What a provider has of each class; of a device, how much is reserved can be set, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.api.call import Call, Reply
from busway.api.placement.answer import computed, dated, operation
from busway.api.placement.answers import INVENTORIES, INVENTORY
from busway.api.schema import Definition, Schema, closed
from busway.control.providers.read import get_provider
from busway.control.providers.write import set_reserved
from busway.domain.errors import Conflict, NotFound
from busway.domain.provider import Inventory, ResourceProvider

_ROOT = "/resource_providers/{id}/inventories"
_COUNT: Definition = {"type": "integer", "minimum": 0, "maximum": 0x7FFFFFFF}
_UNIT: Definition = {**_COUNT, "minimum": 1}
_FIELDS: dict[str, Any] = {
    "total": _UNIT,
    "reserved": _COUNT,
    "min_unit": _UNIT,
    "max_unit": _UNIT,
    "step_size": _UNIT,
    "allocation_ratio": {"type": "number", "maximum": 3.4e38},
}
_GENERATION: dict[str, Any] = {"resource_provider_generation": {"type": "integer"}}
_ONE = Schema(closed({**_FIELDS, **_GENERATION}, "total", "resource_provider_generation"))
_ALL = Schema(
    closed(
        {
            **_GENERATION,
            "inventories": {
                "type": "object",
                "patternProperties": {"^[A-Z0-9_]{1,255}$": closed(_FIELDS, "total")},
                "additionalProperties": False,
            },
        },
        "resource_provider_generation",
        "inventories",
    )
)
_OF_HOSTS = "Hosts report what they have: see [DEFAULT] in docs/reference/configuration.md for ratios and reserves."


def _row(inventory: Inventory) -> dict[str, object]:
    return {
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
    }


def _all(call: Call, provider: ResourceProvider) -> Reply:
    rows = {name: _row(each) for name, each in provider.inventories.items()}
    return dated(call, {"inventories": rows, "resource_provider_generation": provider.generation})


def _list(call: Call) -> Reply:
    return _all(call, get_provider(call.control, call.path["id"]))


def _find(call: Call, provider: ResourceProvider) -> Inventory:
    name = call.path["class"]
    if name not in provider.inventories:
        raise NotFound(
            f"No inventory of class {name} found for resource provider {provider.uuid}", code="inventory-not-found"
        )
    return provider.inventories[name]


def _one(call: Call, provider: ResourceProvider) -> Reply:
    row = _row(_find(call, provider))
    return dated(call, {**row, "resource_provider_generation": provider.generation})


def _show(call: Call) -> Reply:
    return _one(call, get_provider(call.control, call.path["id"]))


def _update(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    known = _find(call, provider)
    generation = call.body["resource_provider_generation"]
    wanted = _wanted(known, call.body)
    return _one(call, set_reserved(call.control, call.caller, provider.uuid, generation, wanted))


def _set(call: Call) -> Reply:
    """All inventories at once: the same classes, of which the reserved amounts may differ."""
    provider = get_provider(call.control, call.path["id"])
    given, generation = call.body["inventories"], call.body["resource_provider_generation"]
    if set(given) != set(provider.inventories):
        raise computed(f"Which classes {provider.name} has", "Say the resource_class in the device spec.")
    wanted = [_wanted(provider.inventories[name], fields) for name, fields in given.items()]
    return _all(call, set_reserved(call.control, call.caller, provider.uuid, generation, *wanted))


def _wanted(known: Inventory, given: Mapping[str, Any]) -> Inventory:
    """What is asked for; raises `Conflict` for units that are not those that there are."""
    for name, value in (("min_unit", known.min_unit), ("max_unit", known.max_unit), ("step_size", known.step_size)):
        if given.get(name, value) != value and not (name == "max_unit" and given[name] >= value):
            raise Conflict(
                f"{name} of {known.resource_class} is {value}",
                remedy="Leave it out.",
                code="resource-provider-computed",
            )
    ratio = float(given.get("allocation_ratio", known.allocation_ratio))
    return Inventory(known.resource_class, given["total"], given.get("reserved", 0), ratio)


def _create(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    raise computed(f"Which classes {provider.name} has", _OF_HOSTS)


def _delete(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    raise computed(f"That {provider.name} has nothing of a class", _OF_HOSTS)


def _delete_one(call: Call) -> Reply:
    provider = get_provider(call.control, call.path["id"])
    name = _find(call, provider).resource_class
    raise computed(f"That {provider.name} has no {name}", _OF_HOSTS)


_RULE = "resource_providers:inventories:"
OPERATIONS = (
    operation("GET", _ROOT, _list, f"{_RULE}list", answer=INVENTORIES),
    operation("POST", _ROOT, _create, f"{_RULE}create", reads_body=True),
    operation("PUT", _ROOT, _set, f"{_RULE}update", body=_ALL, answer=INVENTORIES),
    operation("DELETE", _ROOT, _delete, f"{_RULE}delete", since=5),
    operation("GET", f"{_ROOT}/{{class}}", _show, f"{_RULE}show", answer=INVENTORY),
    operation("PUT", f"{_ROOT}/{{class}}", _update, f"{_RULE}update", body=_ONE, answer=INVENTORY),
    operation("DELETE", f"{_ROOT}/{{class}}", _delete_one, f"{_RULE}delete"),
)
