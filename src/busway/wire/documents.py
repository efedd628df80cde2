"""Desired and Observed as JSON, version 1.

The dataclasses of the domain are the schema; a PCI address is its text. A reader ignores fields that it does not know,
so either side may be the newer one.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from busway.domain.address import PciAddress
from busway.domain.documents import Desired, Observed
from busway.domain.errors import BadInput
from busway.wire.join import Joined, JoinRequest, RenewRequest

WIRE_VERSION = 1

_T = TypeVar("_T")


def encode(document: Desired | Observed | JoinRequest | RenewRequest | Joined) -> bytes:
    """Writes a document, or a message of joining, as JSON."""
    return msgspec.json.encode(document, enc_hook=_to_text)


def decode_desired(data: bytes) -> Desired:
    """Reads a Desired document; raises `BadInput` for anything else."""
    return decode(data, Desired)


def decode_observed(data: bytes) -> Observed:
    """Reads an Observed document; raises `BadInput` for anything else."""
    return decode(data, Observed)


def decode(data: bytes, kind: type[_T]) -> _T:
    """Reads what `encode` wrote of this kind; raises `BadInput` for anything else."""
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_from_text)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInput(
            f"This is no {kind.__name__} document",
            detail=str(error),
            remedy="Run the same release on both sides.",
            code="wire-format",
        ) from error


def _to_text(value: Any) -> str:
    if isinstance(value, PciAddress):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in a document")


def _from_text(kind: type, value: Any) -> Any:
    if kind is PciAddress:
        return PciAddress(value)
    raise NotImplementedError(f"{kind.__name__} has no place in a document")
