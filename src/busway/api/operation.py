"""One operation of an API: method, path, rule of rights, handler, body schema; and how its request becomes a `Call`.

The one asynchronous step reads the body; then one thread authenticates, asks the rule, checks the body and runs the use case.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from busway.api import microversion
from busway.api.access_log import seen
from busway.api.acts import act_of, record_error, record_failure
from busway.api.admission import address_of, admit
from busway.api.body import check_json, check_no_body, may_have_body, read_body
from busway.api.bounds import BODY_BYTES, read_json
from busway.api.call import NOBODY, Call, Reply
from busway.api.encoding import encode
from busway.api.microversion import MAXIMUM, MINIMUM
from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.api.revisions import condition
from busway.api.schema import Definition, Schema
from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, BuswayError, NotFound, Unavailable
from busway.store import audit
from busway.store.precondition import under

Handler = Callable[[Call], Reply]
Run = Callable[..., Awaitable[Any]]
Stream = Callable[[Control, Caller, Request, Run], Awaitable[Response]]
# Enough to keep one core busy while some wait for the disk or the database.
API_THREADS = 32
JSON = "application/json"
# Content of these means nothing (RFC 9110, 9.3).
_WITHOUT_CONTENT = frozenset({"GET", "HEAD"})
# The rule of an operation with several actions for a body that names none of them.
OTHERWISE = ""
# From 2.102 on every operation of compute refuses parameters that it does not have; Placement's numbers are all below.
_CLOSED = 102
# Of these, one token, or one address without a token, has so many at once: its other requests wait without a thread, so that whoever
# asks for much waits for himself, and an interpreter's turns are not shared with dozens of his requests.
SHARE = 3
_WAITING_FOR_HASHES = 64
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of an API's table.

    `body` is a schema, or several by the microversion from which each holds. Outside `since` to `until` the path does
    not exist (404), as in Nova. `public` operations take no token; every other one has a `rule`, or one for each of the
    actions that its body may name. A `stream` stands in for the handler where a body is not to be held in memory.
    One that `hashes` passwords has threads of its own. A public one that proves who somebody is has the name under which
    the audit knows it in `login`. A GET that `makes` what is not there is in the audit too when it has done so.
    `body_bytes` is the largest body. `query` names the parameters of the query, `query_since` the microversion from which one of
    them exists, and `strict` that from which a GET refuses others (2.102 without it): below it they are ignored, as in Nova.
    `shown_body` is the schema of a body that the handler checks itself.
    `answer` is the shape of the body of a success (see `api/answer.py`), None where there never is one; `answer_type` is its
    media type.
    """

    method: str
    path: str
    handler: Handler | None = None
    body: Schema | Mapping[int, Schema] | None = None
    since: int = MINIMUM
    until: int = MAXIMUM
    public: bool = False
    reads_body: bool = False
    body_bytes: int = BODY_BYTES
    query: Mapping[str, Definition] = field(default_factory=dict)
    query_since: Mapping[str, int] = field(default_factory=dict)
    strict: int | None = None
    shown_body: Schema | Mapping[int, Schema] | None = None
    media_type: str = JSON
    rule: str | Mapping[str, str] = ""
    stream: Stream | None = None
    hashes: bool = False
    login: str = ""
    makes: bool = False
    answer: Definition | None = None
    answer_type: str = "application/json"

    def schema(self, version: int) -> Schema | None:
        """The body schema that holds at a microversion."""
        if not isinstance(self.body, Mapping):
            return self.body
        return self.body[max(since for since in self.body if since <= version)]

    def check_query(self, names: Iterable[str], version: int) -> None:
        """Raises `BadInput` for a parameter that the operation does not have.

        A request that changes something never has others, for what they ask for would not be done. A GET may have them below
        `strict`, as upstream: clients repeat the filters of a list when they ask for one thing by its id.
        """
        if self.method in _WITHOUT_CONTENT and version < (_CLOSED if self.strict is None else self.strict):
            return
        known = sorted(name for name in self.query if self.query_since.get(name, MINIMUM) <= version)
        if unknown := sorted(set(names) - set(known)):
            raise BadInput(
                f"Additional properties are not allowed ('{unknown[0][:64]}' was unexpected)",
                detail=f"Parameters of {self.method} {self.path} at this microversion: {', '.join(known) or '(none)'}.",
                remedy="Leave it out.",
                code="unknown-query",
            )

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of its rules of rights: none for a public operation."""
        if isinstance(self.rule, str):
            return (self.rule,) if self.rule else ()
        return tuple(self.rule.values())

    def rule_for(self, data: bytes) -> str:
        """The rule for a request with this body."""
        if isinstance(self.rule, str):
            return self.rule
        return self.rule.get(_action(data)) or self.rule.get(OTHERWISE) or next(iter(self.rule.values()))


class _Share:
    """Who has a part of the threads or waits for it."""

    def __init__(self) -> None:
        self.limiter = CapacityLimiter(SHARE)
        self.users = 0


class Threads:
    """The threads in which operations run: those that hash passwords can't take the others' away."""

    def __init__(self, hashing: int, plain: int = API_THREADS) -> None:
        self._plain = CapacityLimiter(plain)
        self._hashing = CapacityLimiter(hashing)
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def share(self, who: str) -> AsyncIterator[None]:
        """A part of the threads that somebody may have at once; waits where they have it in use."""
        share = self._shares.setdefault(who, _Share())
        share.users += 1
        try:
            async with share.limiter:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[who]

    async def run(self, operation: Operation, work: Callable[..., T], *args: Any) -> T:
        """Runs a part of an operation; raises `Unavailable` when too many wait to have passwords hashed."""
        return await self.call(work, *args, hashes=operation.hashes)

    async def call(self, work: Callable[..., T], *args: Any, hashes: bool = False) -> T:
        """Runs any other work in the same threads."""
        limiter = self._hashing if hashes else self._plain
        if hashes and limiter.statistics().tasks_waiting >= _WAITING_FOR_HASHES:
            raise Unavailable(
                "Too many passwords are being checked", remedy="Try again in a few seconds.", code="passwords-busy"
            )
        return await to_thread.run_sync(partial(work, *args), limiter=limiter)


def routes(operations: Iterable[Operation], *, strip: str = "") -> list[Route]:
    """Makes Starlette's routes of a table; `strip` is the prefix under which they will be mounted.

    They belong to no control plane: the application that a request comes to has its own in `state.control` and `state.threads`.
    """
    return [_route(operation, operation.path.removeprefix(strip)) for operation in operations]


def _route(operation: Operation, path: str) -> Route:
    async def endpoint(request: Request) -> Response:
        seen(request.scope).path = operation.path
        control: Control = request.app.state.control
        threads: Threads = request.app.state.threads
        if operation.stream is not None:
            return await stream(control, threads, operation, request)
        data = b""
        if operation.body is not None or operation.reads_body:
            data = await read_body(request, operation.body_bytes)
            if data and operation.media_type == JSON:
                check_json(request.headers)
        elif operation.method not in _WITHOUT_CONTENT and may_have_body(request.headers):
            check_no_body(await read_body(request, operation.body_bytes))
        async with threads.share(request.headers.get("x-auth-token") or address_of(request)):
            return await threads.run(operation, answer, control, operation, request, data)

    return Route(path, endpoint, methods=[operation.method])


async def stream(control: Control, threads: Threads, operation: Operation, request: Request) -> Response:
    """Runs an operation whose body is not held in memory."""
    assert operation.stream is not None
    run: Run = partial(threads.run, operation)
    rule = operation.rule_for(b"")
    act = act_of(control, request, rule, address_of(request), is_login=False)
    try:
        with audit.acting(act):
            caller = await run(admit, control, request, rule)
            operation.check_query(request.query_params, MINIMUM)
            return await operation.stream(control, caller, request, run)
    except BuswayError as error:
        if act is not None:
            await run(record_error, control, act, error)
        raise
    except Exception:  # what nobody expected: the client gets a 500
        if act is not None:
            await run(record_failure, control, act)
        raise


def answer(control: Control, operation: Operation, request: Request, data: bytes) -> Response:
    """Runs an operation in this thread, with its rule, the check of its body and its record in the audit."""
    version = request.scope.get(microversion.SCOPE_KEY, MINIMUM)
    if not operation.since <= version <= operation.until:
        versioned = microversion.versioned(operation.path) or microversion.COMPUTE
        shown, wanted = versioned.shown, operation.since if version < operation.since else operation.until
        raise NotFound(
            f"The resource could not be found at microversion {shown(version)}",
            detail=f"It exists from {shown(operation.since)} to {shown(operation.until)}.",
            remedy=f"Ask for it there: openstack --os-{versioned.word}-api-version {shown(wanted)} ...",
            code="not-at-microversion",
        )
    name = operation.login or operation.rule_for(data)
    act = act_of(
        control,
        request,
        name,
        address_of(request),
        is_login=bool(operation.login),
        makes=operation.makes,
        query=operation.query,
    )
    try:
        with audit.acting(act):
            return respond(_run(control, operation, request, data, version))
    except BuswayError as error:
        if act is not None:
            record_error(control, act, error)
        raise
    except Exception:
        if act is not None:
            record_failure(control, act)
        raise


def _run(control: Control, operation: Operation, request: Request, data: bytes, version: int) -> Reply:
    rule = "" if operation.public else operation.rule_for(data)
    caller = NOBODY if operation.public else admit(control, request, rule)
    operation.check_query(request.query_params, version)
    call = Call(
        control=control,
        request_id=request.scope.get(REQUEST_ID, ""),
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        caller=caller,
        version=version,
        body=_body(operation.schema(version), data),
        rule=rule,
        address=address_of(request),
    )
    assert operation.handler is not None
    with under(condition(request.method, request.url.path, request.headers.get("if-match"))):
        return operation.handler(call)


def respond(reply: Reply) -> Response:
    """Writes a reply as JSON; what of a header is not printable ASCII is percent-encoded, as in a URL (RFC 3986)."""
    headers = {name: quote(value, safe=_PRINTABLE) for name, value in reply.headers.items()}
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    return Response(encode(reply.body), reply.status, headers, media_type="application/json")


def _action(data: bytes) -> str:
    """The one key of a body, which names the action; "" for a body of another form."""
    try:
        body = read_json(data)
    except BuswayError:
        return OTHERWISE
    return next(iter(body)) if isinstance(body, dict) and len(body) == 1 else OTHERWISE


def _body(schema: Schema | None, data: bytes) -> object:
    if schema is None:
        return read_json(data) if data else None
    body = read_json(data)
    schema.check(body)
    return body
