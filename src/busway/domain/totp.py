"""Passcodes that are good once, for half a minute: TOTP (RFC 6238) of six digits with SHA-1, as in Keystone and the usual apps."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from busway.domain.errors import BadInput

TOTP = "totp"
STEP_SECONDS = 30
# How many steps back a passcode is still taken. Source: Keystone's default of [totp] included_previous_windows.
PREVIOUS_STEPS = 1
_DIGITS = 6
_LEAST_BYTES = 16  # RFC 4226, R6


def read_secret(blob: str) -> bytes:
    """The shared secret in the blob of a credential of type totp; raises `BadInput` for one that is none."""
    try:
        secret = base64.b32decode(blob + "=" * (-len(blob) % 8))
    except ValueError:
        secret = b""
    if len(secret) < _LEAST_BYTES:
        raise BadInput(
            "The blob of a credential of type totp is no secret",
            detail=f"It is base32 (A to Z, 2 to 7) of {_LEAST_BYTES} bytes or more, without spaces.",
            remedy="Make one: head -c 20 /dev/urandom | base32",
            code="credential-blob",
        )
    return secret


def passcode(secret: bytes, step: int) -> str:
    """The passcode of a step. Source: RFC 4226, 5.3."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    place = mac[-1] & 0xF
    number = int.from_bytes(mac[place : place + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"


def step_of(moment: datetime) -> int:
    """The number of the step in which a moment lies."""
    return int(moment.timestamp()) // STEP_SECONDS


def find_step(secret: bytes, given: str, now: datetime) -> int | None:
    """The step whose passcode was given, this one or one of the `PREVIOUS_STEPS` before; None for a wrong passcode."""
    latest = step_of(now)
    steps = range(latest, latest - PREVIOUS_STEPS - 1, -1)
    matching = [step for step in steps if hmac.compare_digest(passcode(secret, step).encode(), given.encode())]
    return matching[0] if matching else None
