"""User data: what a user hands to cloud-init in base64, with or without line breaks, as tools write it."""

from __future__ import annotations

import base64
import binascii

from busway.domain.errors import BadInput


def decode_user_data(text: str) -> bytes:
    """Decodes user data; raises `BadInput` for text that is not base64 apart from white space."""
    return decode_base64(text, "user_data")


def decode_base64(text: str, what: str) -> bytes:
    """Decodes what a user gives in base64, apart from white space; `what` is its name in the error that is raised otherwise."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(
            f"{what} is not base64",
            detail=f"{error}.",
            remedy="Encode it with `base64`.",
            code="user-data",
        ) from error
