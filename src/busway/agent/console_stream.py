"""The agent's end of a console: a WebSocket that it opens to the control plane.

The only module here that speaks `websockets`.
"""

from __future__ import annotations

import ssl
from typing import Protocol

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from busway.domain.errors import NotFound, Unavailable

_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 2.0
_MESSAGE_BYTES = 1 << 18
_MESSAGES = 4  # that may wait to be written to the guest
_REASON_BYTES = 120


class ConsoleStream(Protocol):
    """A stream of bytes in both directions; each direction may be used by a thread of its own."""

    def receive(self) -> bytes | None:
        """The next bytes from the viewer; None after the other side has ended."""

    def send(self, data: bytes) -> bool:
        """Sends bytes of the guest, as fast as they are taken; False when the other side has ended."""

    def close(self, reason: str = "") -> None:
        """Ends the stream with a reason that the viewer sees; a second call does nothing."""


class WebSocketStream:
    """A console over one WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def receive(self) -> bytes | None:
        """Waits for a message."""
        try:
            data = self._connection.recv()
        except ConnectionClosed:
            return None
        return data.encode() if isinstance(data, str) else data

    def send(self, data: bytes) -> bool:
        """Sends a message."""
        try:
            self._connection.send(data)
        except ConnectionClosed:
            return False
        return True

    def close(self, reason: str = "") -> None:
        """Closes with the code for "all is well"."""
        self._connection.close(1000, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))


def dial(url: str, token: str, tls: ssl.SSLContext) -> WebSocketStream:
    """Opens a WebSocket at an http(s) URL; `NotFound` when nobody waits there, `Unavailable` when nothing answers."""
    scheme, _, rest = url.partition("://")
    try:
        connection = connect(
            f"{'wss' if scheme == 'https' else 'ws'}://{rest}",
            additional_headers={"Authorization": f"Bearer {token}"},
            ssl=tls if scheme == "https" else None,
            compression=None,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            max_size=_MESSAGE_BYTES,
            max_queue=_MESSAGES,
            proxy=None,
            legacy=True,  # the connection itself, which is closed by `close`
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise NotFound(f"No viewer waits for this console there ({status})", code="console-call") from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise Unavailable(f"No console can be opened at {url}", detail=str(error), code="control-away") from error
    return WebSocketStream(connection)
