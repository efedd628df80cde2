"""Bodies of requests as they come: each with the limit and the deadline that its operation declares."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from busway.domain.errors import BadInput, BadMediaType, TooLarge, TooSlow

# The whole of a body that is read into memory must be here by then.
BODY_SECONDS = 60.0
# A streamed body may take as long as data comes: each MiB of it must be here within this time.
PIECE_SECONDS = 120.0
PIECE_BYTES = 1024**2
# As Nova reads them: a body without a type, or with the one that older clients send, is JSON too.
_JSON = re.compile(r"|text/plain|application/(?:json|[\w.+-]+\+json)")
DATA = "application/octet-stream"
# Bodies that clients send where they have nothing to say; OpenStack's own suite encodes an empty object twice for a tag.
_NOTHING = (b"", b"{}", b"null", b'"{}"')


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes; raises `TooLarge`, `TooSlow`, or `BadInput` when the client went away.

    Content-Length is used for an early refusal; the received bytes are counted anyway.
    """
    length = request.headers.get("content-length", "0")
    if length_of(length, limit + 1) > limit:
        raise _too_large(limit)
    pieces = bytearray()
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for chunk in request.stream():
                pieces += chunk
                if len(pieces) > limit:
                    raise _too_large(limit)
    except TimeoutError as error:
        raise _too_slow(BODY_SECONDS, "The body") from error
    except ClientDisconnect as error:
        raise BadInput("The client disconnected in the middle of its request", code="body-cut-off") from error
    if expected := expected_md5(request.headers):
        check_md5(expected, hashlib.md5(pieces, usedforsecurity=False).hexdigest())
    return bytes(pieces)


async def stream_pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of about `PIECE_BYTES`, one at a time; raises `TooSlow`, and `ClientDisconnect` as it comes."""
    pieces = bytearray()
    chunks = request.stream()
    ended = False
    while not ended:
        try:
            with anyio.fail_after(PIECE_SECONDS):
                while len(pieces) < PIECE_BYTES and not ended:
                    chunk = await anext(chunks, None)
                    ended = chunk is None
                    pieces += chunk or b""
        except TimeoutError as error:
            raise _too_slow(PIECE_SECONDS, "The next MiB of the body") from error
        if pieces:
            yield bytes(pieces)
            pieces.clear()


def may_have_body(headers: Headers) -> bool:
    """True for a request whose head announces a body."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def check_no_body(data: bytes) -> None:
    """Raises `BadInput` for a body that says something to an operation that reads none."""
    if data.strip() not in _NOTHING:
        raise BadInput(
            "This operation takes no body",
            detail="What is to be done is in the method and the path of the request.",
            remedy="Send it without a body.",
            code="body-unexpected",
        )


def check_json(headers: Headers) -> None:
    """Raises `BadMediaType` for a body that says that it is no JSON."""
    _check_type(headers, _JSON, "application/json")


def check_data(headers: Headers) -> None:
    """Raises `BadMediaType` for a body that says that it is no plain data, such as a form with a file in it."""
    _check_type(headers, re.compile(rf"|{DATA}"), DATA)


def _check_type(headers: Headers, types: re.Pattern[str], usual: str) -> None:
    given = headers.get("content-type", "")
    if not types.fullmatch(given.partition(";")[0].strip().lower()):
        raise BadMediaType(
            f"A body of the media type '{given[:80]}' is not read",
            detail=f"This operation takes {usual}.",
            remedy=f"Send the header Content-Type: {usual}",
        )


def expected_md5(headers: Headers) -> str:
    """The MD5 that a body must have, as hex digits; "" where the client has not said it. Raises `BadInput` for another form."""
    given = headers.get("content-md5")
    if given is None:
        return ""
    try:
        digest = base64.b64decode(given, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise BadInput(
            f"Content-MD5 {given[:80]} is not an MD5 in base64",
            remedy="Omit the header, or correct it.",
            code="body-md5",
        )
    return digest.hex()


def check_md5(expected: str, found: str) -> None:
    """Raises `BadInput` for data that came otherwise than it was sent."""
    if expected and expected != found:
        raise BadInput(
            "The body is not the one of its Content-MD5",
            detail=f"It has the MD5 {found}, and should have {expected}.",
            remedy="Send it again.",
            code="body-md5",
        )


def length_of(header: str, default: int) -> int:
    """The number in a Content-Length; `default` for none, and for one that no body can have."""
    return int(header) if header.isascii() and header.isdigit() and len(header) <= 18 else default


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body of the request is larger than {limit} bytes", code="body-too-large")


def _too_slow(seconds: float, what: str) -> TooSlow:
    return TooSlow(
        f"{what} did not come within {seconds:.0f} seconds",
        remedy="Try again over a faster connection.",
        code="body-too-slow",
    )


__all__ = [
    "BODY_SECONDS",
    "DATA",
    "PIECE_BYTES",
    "PIECE_SECONDS",
    "ClientDisconnect",
    "check_data",
    "check_json",
    "check_md5",
    "check_no_body",
    "expected_md5",
    "length_of",
    "may_have_body",
    "read_body",
    "stream_pieces",
]
