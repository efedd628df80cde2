"""Answers by microversion: an ordered table of fields, each with the versions at which it exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from busway.api.answer import Part, Property, shape
from busway.api.call import Call
from busway.api.microversion import MAXIMUM, MINIMUM
from busway.api.schema import Definition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """One field of an answer and its schema.

    It exists from microversion `since` to `until`; one with a `rule` for those whom it lets. Things for which `has` is false
    are shown without it.
    """

    name: str
    value: Callable[[T, Call], object]
    schema: Definition
    since: int = MINIMUM
    until: int = MAXIMUM
    rule: str | None = None
    has: Callable[[T], bool] | None = None

    def applies(self, call: Call) -> bool:
        """True when the field belongs in an answer to this call."""
        return self.since <= call.version <= self.until and (self.rule is None or call.may(self.rule))


def fixed(value: object) -> Callable[[object, Call], object]:
    """A value that is the same for all resources of a kind."""
    return lambda _thing, _call: value


def render(fields: Sequence[Field[T]], thing: T, call: Call) -> dict[str, object]:
    """Writes a resource with the fields that apply."""
    return {
        field.name: field.value(thing, call)
        for field in fields
        if field.applies(call) and (field.has is None or field.has(thing))
    }


def shape_of(fields: Sequence[Field[Any]], title: str = "", /, **more: Property) -> dict[str, Any]:
    """The schema of what `render` writes with these fields, and of what stands beside them."""
    parts: dict[str, list[Part]] = {}
    for field in fields:
        part = Part(field.schema, field.since, field.until, optional=not (field.rule is None and field.has is None))
        parts.setdefault(field.name, []).append(part)
    return shape({**parts, **more}, title)
