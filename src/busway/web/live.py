"""What happens, as it happens: one watcher per process, and a bounded number of streams of server-sent events.

The watcher looks at the database twice a second while somebody listens, and once for all who do; at links,
utilisation and findings every few seconds. Operators hear which devices changed; everybody hears that servers of
their own project did, and asks for the page again. A new stream begins with all that is so now, so that nothing is
missed between a page and its stream, or while a browser was away.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from busway.api.access_log import seen
from busway.api.closing import Closing
from busway.api.operation import Threads
from busway.control.context import Control
from busway.control.devices.listing import list_changed, list_devices
from busway.control.watch import Marks, look
from busway.domain.caller import Caller
from busway.domain.errors import BuswayError, NotAuthenticated, Unavailable
from busway.domain.ids import ProjectId, UserId
from busway.policy import allows
from busway.web.map.state import device_states
from busway.web.render import SECURITY
from busway.web.session import COOKIE, read_session, whose

LOOK_SECONDS = 0.5
CONDITION_SECONDS = 3.0
BEAT_SECONDS = 15.0
MOST_STREAMS = 500
MOST_STREAMS_OF_USER = 12
# A browser that reads so slowly that this many changes wait is told to come back.
_MOST_WAITING = 100
_SKEW = timedelta(seconds=10)  # by which the clocks of control processes may differ
_WATCHER = Caller(UserId("busway"), "console", ProjectId(""), roles=frozenset({"admin"}), is_system=True)
_log = structlog.get_logger("busway.web")


@dataclass(eq=False)
class Listener:
    """One stream: whose it is, and the events that wait to be sent."""

    caller: Caller
    sees_devices: bool
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))
    lost: bool = False

    def end(self) -> None:
        """Ends the stream; a browser comes back when there is a server again."""
        self.send(b": over\n\n")
        self.lost = True

    def send(self, event: bytes) -> None:
        """Adds an event; a listener that does not keep up is ended, and its browser comes back."""
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lost = True


class Live:
    """The watcher of one process and those who listen to it."""

    def __init__(self, control: Control, threads: Threads, closing: Closing) -> None:
        self._control = control
        self._threads = threads
        self._closing = closing
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._devices: dict[str, dict[str, str]] = {}
        self._marks = Marks()
        self._read_at = 0.0

    async def stream(self, request: Request) -> Response:
        """Answers with a stream; 401 without a session, 503 over the bounds."""
        try:
            self._check_bounds(None)
            if not request.cookies.get(COOKIE):
                raise NotAuthenticated("There is no session", remedy="Log in.", code="session-missing")
            async with self._threads.share(whose(request)):
                caller = await self._threads.call(_caller, self._control, request)
            self._check_bounds(caller)
        except BuswayError as error:
            status = 401 if isinstance(error, NotAuthenticated) else 503
            return Response(str(error), status, {**SECURITY, "retry-after": "30"}, media_type="text/plain")
        seen(request.scope).caller = caller
        listener = Listener(caller, allows(caller, "busway:devices:list"))
        headers = {**SECURITY, "cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._events(listener, request), 200, headers, media_type="text/event-stream")

    def _check_bounds(self, caller: Caller | None) -> None:
        counts = Counter(listener.caller.user_id for listener in self._listeners)
        own = counts[caller.user_id] if caller is not None else 0
        if counts.total() >= MOST_STREAMS or own >= MOST_STREAMS_OF_USER:
            raise Unavailable(
                "Too many live pages are open",
                detail=f"The limit is {MOST_STREAMS_OF_USER} for a user, and {MOST_STREAMS} for all.",
                remedy="Close some of them.",
                code="streams-too-many",
            )

    async def _events(self, listener: Listener, request: Request) -> AsyncIterator[bytes]:
        stop_closing = self._closing.listen(listener.end)
        try:
            self._check_bounds(listener.caller)  # of those that came at once
            self._listeners.add(listener)
            yield b"retry: 2000\n\n"
            if self._task is None or self._task.done():
                self._devices = {}
                self._marks = Marks()
                self._task = asyncio.create_task(self._watch())
            if listener.sees_devices:
                listener.send(_event("devices", self._devices))
            while not listener.lost:
                try:
                    yield await asyncio.wait_for(listener.queue.get(), BEAT_SECONDS)
                except TimeoutError:
                    yield b": beat\n\n"
                    await self._threads.call(_caller, self._control, request)
        except Unavailable:
            return
        except NotAuthenticated:
            yield _event("over", {})
        finally:
            self._listeners.discard(listener)
            stop_closing()

    async def _watch(self) -> None:
        while self._listeners:
            try:
                await self._look()
            except Exception as error:
                _log.warning("the console could not look at what happens", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        marks = await self._threads.call(look, self._control)
        now, since = time.monotonic(), self._marks.conditions
        if marks.devices != self._marks.devices or (marks.conditions is not None and since is None):
            devices = await self._threads.call(_read_devices, self._control)
            self._send_changed(devices, {key: {"status": "gone"} for key in self._devices.keys() - devices.keys()})
            self._devices = devices
        elif since is not None and marks.conditions != since and now - self._read_at >= CONDITION_SECONDS:
            devices = await self._threads.call(_read_changed, self._control, since)
            self._send_changed(devices, {})
            self._devices |= devices
        else:
            marks = replace(marks, conditions=since)  # what it tells is still to be read
        moved = {key for key, mark in marks.servers.items() if self._marks.servers.get(key) != mark}
        moved |= self._marks.servers.keys() - marks.servers.keys()
        if marks.conditions != since:
            self._read_at = now
        self._marks = marks
        for listener in self._listeners:
            if moved and (listener.caller.is_admin or listener.caller.project_id in moved):
                listener.send(_event("servers", {}))

    def _send_changed(self, devices: Mapping[str, Mapping[str, str]], gone: Mapping[str, Mapping[str, str]]) -> None:
        changed = {key: state for key, state in devices.items() if self._devices.get(key) != state} | dict(gone)
        self._send_all(_event("devices", changed), devices=bool(changed))

    def _send_all(self, event: bytes, *, devices: bool) -> None:
        for listener in self._listeners:
            if devices and listener.sees_devices:
                listener.send(event)


def _caller(control: Control, request: Request) -> Caller:
    caller = read_session(control, request).caller
    if caller is None:
        raise NotAuthenticated("The session is over", remedy="Log in again.", code="session-missing")
    return caller


def _read_devices(control: Control) -> dict[str, dict[str, str]]:
    return device_states(list_devices(control, _WATCHER))


def _read_changed(control: Control, since: datetime) -> dict[str, dict[str, str]]:
    return device_states(list_changed(control, _WATCHER, since - _SKEW))


def _event(name: str, data: Mapping[str, object]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
