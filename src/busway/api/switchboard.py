"""Connects two WebSockets of one console: who looks at a guest, and the agent of its host, which dials in when it is called.

Bytes go from one to the other as fast as the slower of them takes them: each side is read only when the other has taken what
came before. All numbers are bounds of one process.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from busway.control.servers.console import OpenConsole
from busway.domain.ids import HostId, ProjectId, ServerId

OPEN_IN_ALL, OPEN_OF_PROJECT, OPEN_OF_SERVER = 256, 64, 8
IDLE_SECONDS = 30 * 60.0
LONGEST_SECONDS = 12 * 3600.0
_LOOK_SECONDS = 5.0
# Codes with which a WebSocket closes (RFC 6455, and its registry).
OVER, TRY_AGAIN, NO_ANSWER = 1000, 1013, 1014

_log = structlog.get_logger("busway.console")


@dataclass
class Line:
    """One console that somebody looks at, or waits for."""

    console: OpenConsole
    agent: WebSocket | None = None
    arrived: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    last: float = field(default_factory=time.monotonic)
    bytes: int = 0


class Switchboard:
    """The consoles that are open in this process; belongs to its event loop alone."""

    def __init__(self, idle: float = IDLE_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self._idle = idle
        self._longest = longest
        self._lines: dict[str, Line] = {}

    def full(self, project: ProjectId, server: ServerId) -> str:
        """Why no more consoles may be opened; "" when one may."""
        open_ = [line.console for line in self._lines.values()]
        projects, servers = Counter(each.project_id for each in open_), Counter(each.server_id for each in open_)
        if len(open_) >= OPEN_IN_ALL or projects[project] >= OPEN_OF_PROJECT or servers[server] >= OPEN_OF_SERVER:
            return "Too many consoles are open: close one of them"
        return ""

    @asynccontextmanager
    async def line(self, console: OpenConsole) -> AsyncIterator[Line]:
        """A line that the host's agent may join; it is over when the block ends."""
        line = self._lines[console.call_id] = Line(console)
        started = time.monotonic()
        try:
            yield line
        finally:
            del self._lines[console.call_id]
            line.over.set()
            facts = {"server": console.server_id, "project": console.project_id, "user": console.user_id}
            seconds = round(time.monotonic() - started, 1)
            _log.info("console closed", **facts, kind=str(console.kind), seconds=seconds, bytes=line.bytes)

    def find(self, call_id: str, host_id: HostId) -> Line | None:
        """The line that waits for the agent of this host; None in a process where nobody does."""
        line = self._lines.get(call_id)
        return line if line and line.console.host_id == host_id and line.agent is None else None

    async def talk(self, line: Line, viewer: WebSocket) -> str:
        """Passes bytes both ways until one side ends, nothing happens for long, or it has been long enough; says why."""
        assert line.agent is not None
        agent, reasons = line.agent, list[str]()
        async with anyio.create_task_group() as tasks:

            async def one_way(source: WebSocket, sink: WebSocket, whose: str) -> None:
                reasons.append(await _pass(source, sink, line) or whose)
                tasks.cancel_scope.cancel()

            async def watch() -> None:
                reasons.append(await self._too_long(line))
                tasks.cancel_scope.cancel()

            tasks.start_soon(one_way, agent, viewer, "The guest's side has ended")
            tasks.start_soon(one_way, viewer, agent, "The viewer has left")
            tasks.start_soon(watch)
        return reasons[0]

    async def _too_long(self, line: Line) -> str:
        ends = time.monotonic() + self._longest
        while True:
            now = time.monotonic()
            if now >= ends:
                return f"A console ends after {self._longest / 3600:g} hours: open it again"
            if now - line.last >= self._idle:
                return f"Nothing has happened for {self._idle / 60:g} minutes: open it again"
            await anyio.sleep(min(_LOOK_SECONDS, ends - now, self._idle))


async def _pass(source: WebSocket, sink: WebSocket, line: Line) -> str:
    """Passes messages one way until a side is gone; returns the words with which the source closed."""
    try:
        while True:
            message = await source.receive()
            if message["type"] != "websocket.receive":
                return str(message.get("reason") or "")
            data = message.get("bytes")
            data = data if data is not None else message.get("text", "").encode()
            line.last = time.monotonic()
            line.bytes += len(data)
            await sink.send_bytes(data)
    except (WebSocketDisconnect, OSError, RuntimeError):  # the sink is gone, or was closed by the other way
        return ""
