"""One operation of an API: method, path, handler, body schema; and how its request becomes a `Call`.

The one asynchronous step reads the body; then one thread authenticates, checks and runs the use case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from busway.api import microversion
from busway.api.body import read_body
from busway.api.bounds import BODY_BYTES, read_json
from busway.api.call import NOBODY, Call, Reply
from busway.api.encoding import encode
from busway.api.microversion import MAXIMUM, MINIMUM
from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.api.schema import Definition, Schema
from busway.control.context import Control
from busway.control.identity.tokens import authenticate
from busway.domain.errors import NotFound

Handler = Callable[[Call], Reply]
# Enough to keep one core busy while some wait for the disk or the database.
API_THREADS = 32


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of an API's table.

    `body` is a schema, or several by the microversion from which each holds. Outside `since` to `until` the path does
    not exist (404), as in Nova. `public` operations take no token. `body_bytes` is the largest body.
    `query` names the parameters of the query, and `shown_body` the schema of a body that the handler checks itself.
    """

    method: str
    path: str
    handler: Handler
    body: Schema | Mapping[int, Schema] | None = None
    since: int = MINIMUM
    until: int = MAXIMUM
    public: bool = False
    reads_body: bool = False
    body_bytes: int = BODY_BYTES
    query: Mapping[str, Definition] = field(default_factory=dict)
    shown_body: Schema | Mapping[int, Schema] | None = None
    media_type: str = "application/json"

    def schema(self, version: int) -> Schema | None:
        """The body schema that holds at a microversion."""
        if not isinstance(self.body, Mapping):
            return self.body
        return self.body[max(since for since in self.body if since <= version)]


def routes(
    control: Control, limiter: CapacityLimiter, operations: Iterable[Operation], *, strip: str = ""
) -> list[Route]:
    """Makes Starlette's routes of a table; `strip` is the prefix under which they will be mounted."""
    return [_route(control, limiter, operation, operation.path.removeprefix(strip)) for operation in operations]


def _route(control: Control, limiter: CapacityLimiter, operation: Operation, path: str) -> Route:
    async def endpoint(request: Request) -> Response:
        data = b""
        if operation.body is not None or operation.reads_body:
            data = await read_body(request, operation.body_bytes)
        return await to_thread.run_sync(_answer, control, operation, request, data, limiter=limiter)

    return Route(path, endpoint, methods=[operation.method])


def _answer(control: Control, operation: Operation, request: Request, data: bytes) -> Response:
    version = request.scope.get(microversion.SCOPE_KEY, MINIMUM)
    if not operation.since <= version <= operation.until:
        raise NotFound(
            f"The resource could not be found at microversion 2.{version}",
            detail=f"It exists from 2.{operation.since} to 2.{operation.until}.",
            code="not-at-microversion",
        )
    token = request.headers.get("x-auth-token", "")
    caller = NOBODY if operation.public else authenticate(control, token)
    call = Call(
        control=control,
        request_id=request.scope.get(REQUEST_ID, ""),
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        caller=caller,
        token=token,
        version=version,
        body=_body(operation.schema(version), data),
    )
    return respond(operation.handler(call))


def respond(reply: Reply) -> Response:
    """Writes a reply as JSON."""
    if reply.body is None:
        return Response(status_code=reply.status, headers=dict(reply.headers))
    return Response(encode(reply.body), reply.status, dict(reply.headers), media_type="application/json")


def _body(schema: Schema | None, data: bytes) -> object:
    if schema is None:
        return read_json(data) if data else None
    body = read_json(data)
    schema.check(body)
    return body
