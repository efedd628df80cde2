"""Bodies of answers as JSON Schema, at every microversion at which an operation answers.

A shape names its properties; a property says from and until which microversion it exists, and whether it may be absent. `at` makes
plain JSON Schema of it for one microversion, or for all of them: then what does not always exist has its range beside it
(`x-openstack`). An answer without a body stands as null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from busway.api.microversion import COMPUTE, MAXIMUM, MINIMUM, Versioned
from busway.api.schema import Definition

TEXT: Definition = {"type": "string"}
NUMBER: Definition = {"type": "integer"}
REAL: Definition = {"type": "number"}
TRUTH: Definition = {"type": "boolean"}
NOTHING: Definition = {"type": "null"}
ANYTHING: Definition = {}
EMPTY: Definition = {"type": "array", "maxItems": 0}
EMPTY_OBJECT: Definition = {"type": "object", "maxProperties": 0}
FALSE: Definition = {"enum": [False]}
TRUE: Definition = {"enum": [True]}


@dataclass(frozen=True, slots=True)
class Part:
    """A property's schema, the microversions at which it holds, and whether the property may be absent."""

    schema: Definition
    since: int = MINIMUM
    until: int = MAXIMUM
    optional: bool = False


Property = Definition | Part | Sequence[Part]


def optional(schema: Definition, since: int = MINIMUM, until: int = MAXIMUM) -> Part:
    """A property that may be absent."""
    return Part(schema, since, until, optional=True)


def nullable(schema: Definition) -> Definition:
    """A schema that also allows null."""
    if isinstance(schema.get("type"), str) and not schema.keys() & {"enum", "title"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, NOTHING]}


def array(items: Definition) -> Definition:
    """A list of these."""
    return {"type": "array", "items": items}


def mapping(values: Definition) -> Definition:
    """An object with any keys, whose values are these."""
    return {"type": "object", "additionalProperties": values}


def words(*values: object) -> Definition:
    """One of these texts."""
    return {"enum": [str(value) for value in values]}


def choice(*schemas: Definition | Part) -> dict[str, Any]:
    """One of these, each at its microversions; the same one once."""
    return {"anyOf": [each for index, each in enumerate(schemas) if each not in schemas[:index]]}


def parts(value: Property) -> tuple[Part, ...]:
    """A property as its parts, each with its microversions."""
    if isinstance(value, Part):
        return (value,)
    return (Part(value),) if isinstance(value, Mapping) else tuple(value)


def shape(properties: Mapping[str, Property], title: str = "") -> dict[str, Any]:
    """An object with these properties and no others; one with a title stands once in the document of all operations."""
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: parts(value) for name, value in properties.items()},
        "additionalProperties": False,
    }
    return {"title": title, **made} if title else made


def wrap(key: str, schema: Definition, /, **more: Property) -> dict[str, Any]:
    """{key: a thing}, and what stands beside it."""
    return shape({key: schema, **more})


def wrap_list(key: str, schema: Definition, /, **more: Property) -> dict[str, Any]:
    """{key: a list of things}, and what stands beside it."""
    return shape({key: array(schema), **more})


def at(schema: Definition, version: int | None, service: Versioned = COMPUTE) -> dict[str, Any]:
    """Plain JSON Schema: what holds at one microversion of a service, or at all of them for None."""
    made = {name: _plain(value, version, service) for name, value in schema.items() if name != "properties"}
    if "properties" in schema:
        held = {name: _living(parts(value), version) for name, value in schema["properties"].items()}
        held = {name: choices for name, choices in held.items() if choices}
        made["properties"] = {name: _property(choices, version, service) for name, choices in held.items()}
        required = [name for name, choices in held.items() if _is_required(choices, version, service)]
        if required and "required" not in made:
            made["required"] = required
    return made


def versions(since: int, until: int, service: Versioned = COMPUTE) -> dict[str, str]:
    """A range of microversions as OpenStack's own documents write it."""
    first, last = max(since, service.minimum), min(until, service.maximum)
    return {"min-ver": service.shown(first), "max-ver": service.shown(last)}


def _living(choices: Sequence[Part], version: int | None) -> list[Part]:
    return [part for part in choices if version is None or _holds(part, version)]


def _holds(part: Part, version: int) -> bool:
    """A part without a first version is there at 1.0 of Placement too."""
    return (part.since <= version or part.since == MINIMUM) and version <= part.until


def _property(choices: Sequence[Part], version: int | None, service: Versioned) -> dict[str, Any]:
    made = [_part(part, version, service) for part in choices]
    return made[0] if len(made) == 1 else {"anyOf": made}


def _part(part: Part, version: int | None, service: Versioned) -> dict[str, Any]:
    made = at(part.schema, version, service)
    if version is not None or _is_always([part], service):
        return made
    return {**made, "x-openstack": versions(part.since, part.until, service)}


def _is_always(choices: Sequence[Part], service: Versioned) -> bool:
    first, last = min(part.since for part in choices), max(part.until for part in choices)
    return first <= MINIMUM and last >= service.maximum


def _is_required(choices: Sequence[Part], version: int | None, service: Versioned) -> bool:
    if any(part.optional for part in choices):
        return False
    return version is not None or _is_always(choices, service)


def _plain(value: object, version: int | None, service: Versioned) -> Any:
    if isinstance(value, Mapping):
        return at(value, version, service)
    if not isinstance(value, list | tuple):
        return value
    held = (each for each in value if not isinstance(each, Part) or _living([each], version))
    return [
        _part(each, version, service) if isinstance(each, Part) else _plain(each, version, service) for each in held
    ]
