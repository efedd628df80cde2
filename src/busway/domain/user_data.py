"""User data: what a user hands to cloud-init in base64, with or without line breaks, as tools write it."""

from __future__ import annotations

import base64
import binascii

from busway.domain.errors import BadInput


def decode_user_data(text: str) -> bytes:
    """Decodes user data; raises `BadInput` for text that is not base64 apart from white space."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(
            "user_data is not base64",
            detail=f"{error}.",
            remedy="Encode it with `base64`.",
            code="user-data",
        ) from error
