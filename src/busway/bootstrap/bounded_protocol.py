"""HTTP/1.1 with deadlines: for a request's head, for the rest of a body that nobody wants, and for a reader that stopped.

uvicorn has a time-out for idle connections only, after their first request. Deadlines for bodies that operations read are
in `busway.api.body`; bounds on connections in `listener`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
HEAD_BYTES = 65_536
# After an answer that came before its request's body ended: what still comes is thrown away, so long.
REST_SECONDS = 5.0
# A reader must take some 48 KiB (asyncio's marks for a full buffer) in this time.
READER_SECONDS = 60.0

# How uvicorn serves WebSockets: each message is taken only when the one before it was, and is no larger than this.
WEBSOCKETS: dict[str, Any] = {"ws": "websockets-sansio", "ws_max_size": 1 << 18, "ws_per_message_deflate": False}

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection; each deadline ends it alone."""

    head_seconds = HEAD_SECONDS
    rest_seconds = REST_SECONDS
    reader_seconds = READER_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._head_bytes = 0
        self._in_head = True
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that says nothing has as long as one that says half a head."""
        super().connection_made(transport)
        self._arm("head", self.head_seconds, self._refuse, _TOO_LATE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends all deadlines."""
        for name in list(self._timers):
            self._disarm(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what comes while the head has not ended: the parser itself has no bound."""
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes - len(data) > HEAD_BYTES:
            self._refuse(_TOO_LARGE)
            return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The first byte of a request came."""
        self._in_head = True
        self._in_body = True
        if "head" not in self._timers:
            self._arm("head", self.head_seconds, self._refuse, _TOO_LATE)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._head_bytes = 0
        self._disarm("head")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._in_body = False
        self._disarm("rest")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer has gone out; a body that is still coming has a moment to end."""
        super().on_response_complete()
        if self._in_body and not self._in_head and self.cycle.response_complete:
            self._arm("rest", self.rest_seconds, self.transport.close)

    def pause_writing(self) -> None:
        """The client reads slower than it is answered."""
        super().pause_writing()
        self._arm("reader", self.reader_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read most of what was waiting."""
        self._disarm("reader")
        super().resume_writing()

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _arm(self, name: str, seconds: float, act: Any, *arguments: object) -> None:
        self._disarm(name)
        self._timers[name] = self.loop.call_later(seconds, act, *arguments)

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
