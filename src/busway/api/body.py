"""Bodies of requests as they come: each with the limit and the deadline that its operation declares."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.requests import ClientDisconnect, Request

from busway.domain.errors import BadInput, TooLarge, TooSlow

# The whole of a body that is read into memory must be here by then.
BODY_SECONDS = 60.0
# A streamed body may take as long as data comes: each MiB of it must be here within this time.
PIECE_SECONDS = 120.0
PIECE_BYTES = 1024**2


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
    "PIECE_BYTES",
    "PIECE_SECONDS",
    "ClientDisconnect",
    "length_of",
    "read_body",
    "stream_pieces",
]
