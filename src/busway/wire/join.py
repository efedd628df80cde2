"""The token with which a host joins: one word that carries where, who, whom to trust, and a secret for one use."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

import msgspec

from busway.domain.errors import BadInput

_PREFIX = "busway-join-1."


@dataclass(frozen=True, slots=True)
class JoinToken:
    """What a join token carries.

    `fingerprint` is the SHA-256 of the authority's certificate; "" for a control plane that the system's authorities
    vouch for, or that speaks plain HTTP.
    """

    url: str
    host: str
    secret: str = field(repr=False)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a joining host sends: the secret, the hash of the token it has made for itself, and a signing request."""

    secret: str = field(repr=False)
    token_hash: str
    signing_request: str = ""


@dataclass(frozen=True, slots=True)
class RenewRequest:
    """What an agent sends to get a new credential: the hash of the token it will use, and a signing request."""

    token_hash: str
    signing_request: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """What comes back: the agent's certificate ("" when there is no authority), and for how many seconds to keep it."""

    host: str
    certificate: str
    renew_after: int


def encode_token(token: JoinToken) -> str:
    """Writes a token as one word."""
    return _PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(token)).rstrip(b"=").decode()


def decode_token(text: str) -> JoinToken:
    """Reads a token; raises `BadInput` when it is none, or was cut off."""
    body = text.strip().removeprefix(_PREFIX)
    try:
        if body == text.strip():
            raise ValueError(f"it does not begin with {_PREFIX}")
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=JoinToken)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise BadInput(
            "This is not a join token",
            detail=f"{error}.",
            remedy="Copy the whole token that `busway host create NAME` printed.",
            code="join-token-form",
        ) from error
