"""Bodies of answers as JSON Schema, at every microversion at which an operation answers.

A shape names its properties; a property says from and until which microversion it exists, and whether it may be absent. `at` makes
plain JSON Schema of it for one microversion, or for all of them: then what does not always exist has its range beside it
(`x-openstack`). An answer without a body stands as null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from busway.api.microversion import MAXIMUM, MINIMUM
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
    """The same, or null."""
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


def at(schema: Definition, version: int | None) -> dict[str, Any]:
    """Plain JSON Schema: what holds at one microversion, or at all of them for None."""
    made = {name: _plain(value, version) for name, value in schema.items() if name != "properties"}
    if "properties" in schema:
        held = {name: _living(parts(value), version) for name, value in schema["properties"].items()}
        held = {name: choices for name, choices in held.items() if choices}
        made["properties"] = {name: _property(choices, version) for name, choices in held.items()}
        required = [name for name, choices in held.items() if _is_required(choices, version)]
        if required and "required" not in made:
            made["required"] = required
    return made


def versions(since: int, until: int) -> dict[str, str]:
    """A range of microversions as OpenStack's own documents write it."""
    return {"min-ver": f"2.{max(since, MINIMUM)}", "max-ver": f"2.{min(until, MAXIMUM)}"}


def _living(choices: Sequence[Part], version: int | None) -> list[Part]:
    return [part for part in choices if version is None or part.since <= version <= part.until]


def _property(choices: Sequence[Part], version: int | None) -> dict[str, Any]:
    made = [_part(part, version) for part in choices]
    return made[0] if len(made) == 1 else {"anyOf": made}


def _part(part: Part, version: int | None) -> dict[str, Any]:
    made = at(part.schema, version)
    is_always = part.since <= MINIMUM and part.until >= MAXIMUM
    return made if version is not None or is_always else {**made, "x-openstack": versions(part.since, part.until)}


def _is_required(choices: Sequence[Part], version: int | None) -> bool:
    if any(part.optional for part in choices):
        return False
    first, last = min(part.since for part in choices), max(part.until for part in choices)
    return version is not None or (first <= MINIMUM and last >= MAXIMUM)


def _plain(value: object, version: int | None) -> Any:
    if isinstance(value, Mapping):
        return at(value, version)
    if not isinstance(value, list | tuple):
        return value
    held = (each for each in value if not isinstance(each, Part) or _living([each], version))
    return [_part(each, version) if isinstance(each, Part) else _plain(each, version) for each in held]
