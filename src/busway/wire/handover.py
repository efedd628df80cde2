"""The record of one hand-over as JSON; a host signs exactly this text."""

from __future__ import annotations

import msgspec

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput
from busway.domain.handover import Handover

MAX_TEXT = 16 * 1024


def encode_handover(handover: Handover) -> bytes:
    """Writes a record."""
    return msgspec.json.encode(handover, enc_hook=str)


def decode_handover(text: str) -> Handover:
    """Reads a record; raises `BadInput` for anything else."""
    try:
        if len(text) > MAX_TEXT:
            raise msgspec.ValidationError(f"it is longer than {MAX_TEXT} characters")
        return msgspec.json.decode(text, type=Handover, dec_hook=_address)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadInput(
            "This is not a record of a hand-over",
            detail=f"{error}.",
            remedy="Run the same release on both sides.",
            code="wire-format",
        ) from error


def _address(_kind: type, value: object) -> PciAddress:
    try:
        return PciAddress(str(value))
    except BadInput as error:
        raise msgspec.ValidationError(str(error)) from error
