"""The two ends of a console: the WebSocket of who holds a link, and those of the agents that are called for it.

A viewer's token is in the query, as noVNC and Nova's clients send it. The agent asks by a long poll who waits for its guests, and
dials in with its own credential; nothing ever connects to a host.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from busway.api import agent
from busway.api.body import read_body
from busway.api.closing import Closing
from busway.api.held_polls import Floor, HeldPolls, Run
from busway.api.switchboard import NO_ANSWER, OVER, TRY_AGAIN, Switchboard
from busway.control.context import Control
from busway.control.servers import console as consoles
from busway.control.servers import questions
from busway.domain.errors import BuswayError, Forbidden
from busway.domain.ids import HostId
from busway.domain.question import HostAnswer
from busway.wire.console import ConsoleCalls
from busway.wire.documents import decode, encode

SOCKET = "/consoles/socket"
PROTOCOL = "binary"
CONSOLE_THREADS = 8
_TOKEN_CHARS = 200
_ANSWER_BYTES = 256 * 1024
_REASON_BYTES = 120  # of a closing frame's 125


def routes(control: Control, closing: Closing, board: Switchboard | None = None) -> list[BaseRoute]:
    """The routes of both ends, with threads of their own for their short looks into the database."""
    ends = _Ends(control, closing, board or Switchboard())
    host = f"{agent.ROOT}/hosts/{{host}}"
    return [
        WebSocketRoute(SOCKET, ends.viewer),
        Route(f"{host}/consoles", ends.calls, methods=["GET"]),
        WebSocketRoute(f"{host}/consoles/{{call}}", ends.dialled),
        Route(f"{host}/questions/{{question}}", ends.answered, methods=["PUT"]),
    ]


class _Ends:
    """What answers each of the routes."""

    def __init__(self, control: Control, closing: Closing, switch: Switchboard) -> None:
        self._control = control
        self._switch = switch
        self._run: Run = partial(to_thread.run_sync, limiter=CapacityLimiter(CONSOLE_THREADS))
        self._polls = HeldPolls(control.bell, self._run, Floor(partial(_count, control)), closing)

    async def viewer(self, socket: WebSocket) -> None:
        """Opens a console for the holder of a link."""
        offered = socket.scope["subprotocols"]
        protocol = PROTOCOL if offered else None
        token = socket.query_params.get("token", "")
        unfit = (offered and PROTOCOL not in offered) or len(token) > _TOKEN_CHARS
        if unfit or not _is_same_origin(self._control, socket):
            await _refuse(socket)
            return
        try:
            console = await self._run(consoles.open_console, self._control, token)
        except Forbidden:
            await _refuse(socket)
            return
        except BuswayError as error:
            await socket.accept(subprotocol=protocol)
            await _close(socket, TRY_AGAIN, error.brief)
            return
        await socket.accept(subprotocol=protocol)
        if trouble := self._switch.full(console.project_id, console.server_id):
            await self._run(consoles.end_call, self._control, console.call_id)
            await _close(socket, TRY_AGAIN, trouble)
            return
        await _serve(self._control, self._run, self._switch, console, socket)

    async def dialled(self, socket: WebSocket) -> None:
        """Takes the connection of the agent that was called, until the console ends."""
        try:
            host_id = await agent.host_of(self._control, self._run, socket)
        except BuswayError:
            await _refuse(socket)
            return
        line = self._switch.find(socket.path_params["call"], host_id)
        if line is None:
            await _refuse(socket, 404)
            return
        line.agent = socket  # before anything is awaited: a second one is refused
        await socket.accept()
        line.arrived.set()
        await line.over.wait()

    async def calls(self, request: Request) -> Response:
        """Holds an agent's poll until somebody waits for a console of its host, or for an answer."""
        host_id = await agent.host_of(self._control, self._run, request)
        wait = min(agent.number_of(request, "wait", 0), agent.MAX_WAIT_SECONDS)
        read = partial(_waiting, self._control, host_id)
        found = await self._polls.wait(consoles.topic(host_id), host_id, 0, wait, read)
        return Response(encode(found or ConsoleCalls()), media_type="application/json")

    async def answered(self, request: Request) -> Response:
        """Takes an agent's answer to a question; one that can't be read is refused to its sender."""
        host_id = await agent.host_of(self._control, self._run, request)
        text = encode(decode(await read_body(request, _ANSWER_BYTES), HostAnswer)).decode()
        question = request.path_params["question"]
        await self._run(questions.answer_question, self._control, host_id, question, text)
        return Response(status_code=204)


def _count(control: Control, hosts: frozenset[HostId]) -> dict[HostId, int]:
    """How many wait for each host: for a console, or for an answer."""
    calls, asked = consoles.count_calls(control, hosts), questions.count_questions(control, hosts)
    return {host_id: calls.get(host_id, 0) + asked.get(host_id, 0) for host_id in calls.keys() | asked.keys()}


def _waiting(control: Control, host_id: HostId) -> ConsoleCalls | None:
    found = ConsoleCalls(consoles.list_calls(control, host_id), questions.list_questions(control, host_id))
    return found if found.calls or found.questions else None


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
