"""JSON Schema for request bodies, and the coercions that Nova grants to sloppy clients.

A schema is compiled at its first use. Clients send "1024" for 1024 and "True" for true; handlers read such values with
`as_int` and `as_bool`, and answers always carry the right types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import fastjsonschema

from busway.domain.errors import BadInput

Definition = Mapping[str, Any]

# The largest number of a column of 32 bits.
MOST_NUMBER = 0x7FFFFFFF

_TRUE = frozenset({"true", "1", "on", "yes", "t", "y"})
_FALSE = frozenset({"false", "0", "off", "no", "f", "n"})
_WORDS = sorted(_TRUE | _FALSE)

NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^(?! )[^\x00-\x1f\x7f]*(?<! )$"}
TEXT = {"type": ["string", "null"], "maxLength": 255, "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"}
BOOLEAN = {"enum": [True, False, 0, 1, *(each for word in _WORDS for each in (word, word.upper(), word.capitalize()))]}
POSITIVE = {"type": ["integer", "string"], "pattern": "^[0-9]{1,10}$", "minimum": 1, "maximum": 0x7FFFFFFF}
NATURAL = {"type": ["integer", "string"], "pattern": "^[0-9]{1,10}$", "minimum": 0, "maximum": 0x7FFFFFFF}
UUID = {"type": "string", "pattern": "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"}
# Nova's quota of metadata items is what holds; this is what is let past the schema where the quota is lifted.
MOST_ITEMS = 1024
STRING_MAP = {
    "type": "object",
    "maxProperties": MOST_ITEMS,
    "patternProperties": {r"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}

# Parameters of queries.
WORD: Definition = {"type": "string", "maxLength": 255}
COUNT: Definition = {"type": "integer", "minimum": 0, "maximum": MOST_NUMBER}
FLAG: Definition = {"type": "string", "enum": ["true", "false", "1", "0", "True", "False"]}
PAGE: Definition = {"limit": COUNT, "marker": WORD}


def closed(properties: Definition, *required: str) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def open_object(properties: Definition, *required: str) -> dict[str, Any]:
    """An object with these properties, and others that are ignored."""
    return {"type": "object", "properties": dict(properties), "required": list(required)}


class Schema:
    """One compiled schema."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @cached_property
    def _check(self) -> Callable[[Any], Any]:
        # As Nova's: in draft 4, 5.0 is no integer.
        definition = {"$schema": "http://json-schema.org/draft-04/schema#", **self.definition}
        check: Callable[[Any], Any] = fastjsonschema.compile(definition, use_default=False)
        return check

    def check(self, data: object) -> None:
        """Raises `BadInput` that names the field when the data breaks the schema."""
        try:
            self._check(data)
        except fastjsonschema.JsonSchemaValueException as error:
            path = ".".join(error.path[1:]) or "(the whole body)"
            reason = error.message.removeprefix(error.name or "").strip()
            raise BadInput(
                f"Invalid input for field/attribute {path}. Value: {_short(error.value)}. It {reason}",
                remedy=_taken(error),
                code="invalid-body",
            ) from error


def _taken(error: fastjsonschema.JsonSchemaValueException) -> str:
    """What a body may have where it has something else; "" for other mistakes, whose reason says what is right."""
    if error.rule != "additionalProperties":
        return ""
    known = sorted(error.definition.get("properties", ()))
    return f"It takes {', '.join(known)}." if known else "Leave it out."


def wrapped(key: str, inner: Definition) -> Schema:
    """The schema of {key: inner}, which is how every compute body comes."""
    return Schema(closed({key: inner}, key))


def as_int(value: object, name: str, *, least: int = 0, most: int = MOST_NUMBER) -> int:
    """A number, also from its text of ASCII digits; raises `BadInput`."""
    text = str(value).strip() if isinstance(value, str) or type(value) is int else ""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        raise BadInput(
            f"Invalid input for field/attribute {name}. '{_short(value)}' is not a whole number", code="not-a-number"
        )
    if len(digits.lstrip("0")) > 19 or int(text) > most:
        raise BadInput(
            f"Invalid input for field/attribute {name}. {_short(value)} is greater than the maximum of {most}",
            code="too-great",
        )
    number = int(text)
    if number < least:
        raise BadInput(f"Invalid input for field/attribute {name}. {number} is less than {least}", code="too-small")
    return number


def as_bool(value: object, name: str) -> bool:
    """A boolean, also from "True", "1", "on", "yes" and their opposites; raises `BadInput`."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadInput(
        f"Invalid input for field/attribute {name}. '{_short(value)}' is not a boolean", code="not-a-boolean"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_moment(text: str | None, name: str) -> datetime | None:
    """A moment of a query, None for none; one that names no zone is in UTC. Raises `BadInput`."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # in UTC it may be in a year that there is not
        raise BadInput(f"{name} '{_short(text)}' is not an ISO 8601 time", code="not-a-time") from error
