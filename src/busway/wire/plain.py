"""Values of the domain as what JSON knows, and back: a dataclass is an object, a PCI address is its text."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput

_T = TypeVar("_T")


def to_plain(value: Any) -> Any:
    """Makes objects, lists, texts and numbers of a value."""
    return msgspec.to_builtins(value, enc_hook=_to_text)


def read(value: Any, kind: type[_T]) -> _T:
    """Makes a value of a type out of them, leaving aside what the type has no field for.

    Raises `msgspec.ValidationError`.
    """
    return msgspec.convert(value, kind, dec_hook=_from_text)


def _to_text(value: Any) -> str:
    if isinstance(value, PciAddress):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in a document")


def _from_text(kind: type, value: Any) -> Any:
    if kind is not PciAddress:
        raise NotImplementedError(f"{kind.__name__} has no place in a document")
    try:
        return PciAddress(value)
    except (BadInput, AttributeError) as error:
        raise msgspec.ValidationError(f"{value!r} is no PCI address") from error
