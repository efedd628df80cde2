"""The schema of a dataclass as an answer writes it: all of its fields, each by its type."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from busway.api.answer import ANYTHING, NOTHING, NUMBER, REAL, TEXT, TRUTH, array, choice, mapping, nullable, shape
from busway.api.schema import Definition
from busway.domain.address import PciAddress

_PLAIN: Mapping[Any, Definition] = {
    str: TEXT,
    int: NUMBER,
    float: REAL,
    bool: TRUTH,
    types.NoneType: NOTHING,
    datetime: {"type": "string", "format": "date-time"},
    PciAddress: TEXT,
    object: ANYTHING,
    Any: ANYTHING,
}


@cache
def of_type(kind: Any) -> Definition:
    """The schema of a type: a dataclass has its own name in the document; raises `TypeError` for one that has none."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    if kind in _PLAIN:
        return _PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        assert isinstance(kind, type)
        return shape({each.name: of_type(hints[each.name]) for each in dataclasses.fields(kind)}, kind.__name__)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [each.value for each in kind]}
    return _of_generic(kind)


def _of_generic(kind: Any) -> Definition:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        rest = [of_type(each) for each in inner if each is not types.NoneType]
        one = rest[0] if len(rest) == 1 else choice(*rest)
        return nullable(one) if types.NoneType in inner else one
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in (dict, Mapping):
        return mapping(of_type(inner[1]))
    if origin is tuple and inner[-1] is not Ellipsis:
        return array(choice(*(of_type(each) for each in inner)))
    if origin in (list, tuple, Sequence, frozenset, set):
        return array(of_type(inner[0]))
    raise TypeError(f"An answer has no schema for {kind}")
