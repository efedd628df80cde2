"""The two ends of a console: the WebSocket of who holds a link, and those of the agents that are called for it.

A viewer's token is in the query, as noVNC and Nova's clients send it. The agent asks by a long poll who waits for its guests, and
dials in with its own credential; nothing ever connects to a host.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from busway.api import agent
from busway.api.switchboard import NO_ANSWER, OVER, TRY_AGAIN, Switchboard
from busway.control.context import Control
from busway.control.servers import console as consoles
from busway.domain.errors import BuswayError, Forbidden
from busway.wire.console import ConsoleCalls
from busway.wire.documents import encode

SOCKET = "/consoles/socket"
PROTOCOL = "binary"
CONSOLE_THREADS = 8
_TOKEN_CHARS = 200
_BELL_SECONDS = 0.1
_FLOOR_SECONDS = 2.0
_REASON_BYTES = 120  # of a closing frame's 125

Run = Callable[..., Awaitable[Any]]


def routes(control: Control, board: Switchboard | None = None) -> list[BaseRoute]:
    """The routes of both ends, with threads of their own for their short looks into the database."""
    run: Run = partial(to_thread.run_sync, limiter=CapacityLimiter(CONSOLE_THREADS))
    switch = board or Switchboard()

    async def viewer(socket: WebSocket) -> None:
        offered = socket.scope["subprotocols"]
        token = socket.query_params.get("token", "")
        if not _is_same_origin(control, socket) or (offered and PROTOCOL not in offered) or len(token) > _TOKEN_CHARS:
            await _refuse(socket)
            return
        try:
            console = await run(consoles.open_console, control, token)
        except Forbidden:
            await _refuse(socket)
            return
        except BuswayError as error:
            await socket.accept(subprotocol=PROTOCOL if offered else None)
            await _close(socket, TRY_AGAIN, error.brief)
            return
        await socket.accept(subprotocol=PROTOCOL if offered else None)
        if trouble := switch.full(console.project_id, console.server_id):
            await run(consoles.end_call, control, console.call_id)
            await _close(socket, TRY_AGAIN, trouble)
            return
        await _serve(control, run, switch, console, socket)

    async def dialled(socket: WebSocket) -> None:
        try:
            host_id = await agent.host_of(control, run, socket)
        except BuswayError:
            await _refuse(socket)
            return
        line = switch.find(socket.path_params["call"], host_id)
        if line is None:
            await _refuse(socket, 404)
            return
        line.agent = socket  # before anything is awaited: a second one is refused
        await socket.accept()
        line.arrived.set()
        await line.over.wait()

    async def calls(request: Request) -> Response:
        host_id = await agent.host_of(control, run, request)
        wait = min(agent.number_of(request, "wait", 0), agent.MAX_WAIT_SECONDS)
        found = await _wait_for_calls(control, run, host_id, wait)
        return Response(encode(ConsoleCalls(found)), media_type="application/json")

    return [
        WebSocketRoute(SOCKET, viewer),
        Route(f"{agent.ROOT}/hosts/{{host}}/consoles", calls, methods=["GET"]),
        WebSocketRoute(f"{agent.ROOT}/hosts/{{host}}/consoles/{{call}}", dialled),
    ]


async def _serve(
    control: Control, run: Run, switch: Switchboard, console: consoles.OpenConsole, socket: WebSocket
) -> None:
    """Waits for the host's agent and passes bytes; in the end both sides are closed with the reason in words."""
    async with switch.line(console) as line:
        with anyio.move_on_after(consoles.CALL_SECONDS):
            await line.arrived.wait()
        await run(consoles.end_call, control, console.call_id)
        if line.agent is None:
            await _close(socket, TRY_AGAIN, "The server's host does not answer; try again")
            return
        why = await switch.talk(line, socket)
        await _close(line.agent, OVER, why)
        await _close(socket, OVER if line.bytes else NO_ANSWER, why)


async def _wait_for_calls(control: Control, run: Run, host_id: Any, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    topic = consoles.topic(host_id)
    while True:
        seen = control.bell.count(topic)
        found = await run(consoles.list_calls, control, host_id)
        floor = min(time.monotonic() + _FLOOR_SECONDS, deadline)
        if found or time.monotonic() >= deadline:
            return found
        while control.bell.count(topic) == seen and time.monotonic() < floor:
            await anyio.sleep(_BELL_SECONDS)


def _is_same_origin(control: Control, socket: HTTPConnection) -> bool:
    """A browser says from which page it comes: only from one of ours. Other clients say nothing."""
    origin = socket.headers.get("origin")
    if origin is None:
        return True
    ours = (socket.headers.get("host", ""), urlsplit(control.settings.public_url).netloc)
    return urlsplit(origin).netloc in ours


async def _refuse(socket: WebSocket, status: int = 403) -> None:
    """Says no before there is a WebSocket: with an empty body, which clients do not take for the guest's first bytes."""
    await socket.send_denial_response(Response(status_code=status))


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
    except (WebSocketDisconnect, RuntimeError, OSError):  # it is gone already
        return
