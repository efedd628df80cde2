"""The API's operations from within: a page that changes something runs the operation that a client would have asked for.

So there is one check of rights, one check of bodies and one audit for all clients.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from busway.api import microversion
from busway.api.access_log import seen
from busway.api.app import SERVICES
from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.api.operation import Operation, Threads, answer, stream
from busway.control.context import Control

_SEEN = "busway.seen"
_BY_PATH: Mapping[tuple[str, str], Operation] = {
    (operation.method, operation.path): operation
    for table in SERVICES.values()
    for operation in table
    if operation.until == microversion.MAXIMUM
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered: its JSON (None for an empty body) and its headers by lower-case names."""

    body: Any
    headers: Mapping[str, str]


def operate(
    control: Control,
    outer: Request,
    secret: str,
    method: str,
    path: str,
    body: object = None,
    query: Mapping[str, str] | None = None,
    version: int = microversion.MAXIMUM,
    **names: str,
) -> Answer:
    """Runs the operation of a path such as "/compute/v2.1/servers/{id}" in this thread, with the token of a session.

    `names` fill the path. Errors come as the operation raises them.
    """
    operation = _BY_PATH[method, path]
    scope = _scope(outer, secret, method, path, query or {}, names)
    scope[microversion.SCOPE_KEY] = version
    data = b"" if body is None else msgspec.json.encode(body)
    response = answer(control, operation, Request(scope), data)
    decoded = msgspec.json.decode(response.body) if response.body else None
    return Answer(decoded, {name.lower(): value for name, value in response.headers.items()})


async def operate_stream(
    control: Control, threads: Threads, outer: Request, secret: str, method: str, path: str, **names: str
) -> Response:
    """Runs an operation that streams: it reads the body of the browser's own request."""
    scope = _scope(outer, secret, method, path, {}, names)
    return await stream(control, threads, _BY_PATH[method, path], Request(scope, outer.receive))


def _scope(
    outer: Request, secret: str, method: str, path: str, query: Mapping[str, str], names: Mapping[str, str]
) -> MutableMapping[str, Any]:
    headers = [(b"x-auth-token", secret.encode()), (b"x-subject-token", secret.encode())]
    length = outer.headers.get("content-length")
    return {
        "type": "http",
        "method": method,
        "path": path.replace(":path}", "}").format(**names),
        "path_params": dict(names),
        "query_string": urlencode(query).encode(),
        "headers": headers + ([(b"content-length", length.encode())] if length else []),
        "client": outer.scope.get("client"),
        REQUEST_ID: outer.scope.get(REQUEST_ID, ""),
        microversion.SCOPE_KEY: microversion.MAXIMUM,
        _SEEN: seen(outer.scope),
    }
