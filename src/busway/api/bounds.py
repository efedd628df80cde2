"""What no request may hold, whatever it asks for: checked once, in the way of every path, query and JSON body.

Databases, JSON parsers and Python's own numbers fail at such values in their own ways, and each of those was a
failure of the control plane. docs/reference/limits.md lists the numbers.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from busway.api.errors import error_response
from busway.domain.errors import BadInput, TooLarge

# Nova's and Keystone's: oslo.middleware's max_request_body_size.
BODY_BYTES = 114_688
# Of operations that take whole sets of rules from admins.
LARGE_BODY_BYTES = 2 * 1024**2
OBSERVED_BYTES = 32 * 1024**2
CONSOLE_BYTES = 1024**2
CONDITIONS_BYTES = 1024**2
MOST_DEEP = 100
QUERY_BYTES = 16_384
# As many ids as fit a query, about; each value may be a condition of a statement, of which SQLite takes 1,000.
QUERY_VALUES = 500
PATH_SEGMENT_CHARS = 255
LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**63 - 1


class Bounds:
    """Refuses paths and queries that no operation could mean (pure ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A refusal comes before the operation is looked for, and before its caller is."""
        if scope["type"] == "http":
            try:
                check_target(scope["path"], scope["query_string"])
            except (BadInput, TooLarge) as error:
                await error_response(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check_target(path: str, query: bytes) -> None:
    """Raises for a path (decoded) or a query (as it came) over the bounds."""
    if len(query) > QUERY_BYTES:
        raise TooLarge(
            f"The query of the request is longer than {QUERY_BYTES} bytes",
            remedy="Request less at once.",
            code="query-too-long",
        )
    if query.count(b"&") + unquote_to_bytes(query).count(b",") >= QUERY_VALUES:
        raise TooLarge(
            f"The query of the request has more than {QUERY_VALUES} values",
            detail="Those between commas count too: each may be a condition of a statement.",
            remedy="Request less at once.",
            code="query-too-long",
        )
    if "\0" in path or b"\0" in unquote_to_bytes(query):
        raise _nul("the path" if "\0" in path else "the query")
    if any(len(segment) > PATH_SEGMENT_CHARS for segment in path.split("/")):
        raise BadInput(
            f"A part of the path is longer than {PATH_SEGMENT_CHARS} characters",
            detail="No id or name is that long.",
            code="name-too-long",
        )


def read_json(data: bytes) -> object:
    """Parses a body; raises `BadInput` for what is no JSON, and for values over the bounds."""
    try:
        body: object = msgspec.json.decode(data)
    except RecursionError as error:
        raise _too_deep() from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput("The body is not JSON", detail=f"{error}.", code="malformed-body") from error
    check_values(body)
    return body


def check_values(body: object) -> None:
    """Raises `BadInput` for a text with NUL or half a surrogate pair, a number beyond 64 bits, or too deep a nest."""
    level: list[object] = [body]
    depth = 0
    while level:
        if depth > MOST_DEEP:
            raise _too_deep()
        below: list[object] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                for key in value:
                    _check_text(key)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, int) and not LEAST_INTEGER <= value <= MOST_INTEGER:
                raise BadInput(
                    "A number in the body has more than 64 bits",
                    remedy=f"Give whole numbers from {LEAST_INTEGER} to {MOST_INTEGER}.",
                    code="number-too-large",
                )
        level = below
        depth += 1


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _nul("a text in the body")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadInput(
                "A text in the body is not valid Unicode",
                detail="It has half of a surrogate pair.",
                code="text-surrogate",
            ) from error


def _nul(where: str) -> BadInput:
    return BadInput(f"There is a NUL character in {where}", remedy="Remove it.", code="text-nul")


def _too_deep() -> BadInput:
    return BadInput(
        f"The body nests deeper than {MOST_DEEP}", remedy="No request needs more than 10.", code="body-too-deep"
    )
