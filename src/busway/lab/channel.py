"""Asking a lab host for something: one TCP connection per request (the inner side is `inside/execd.py`)."""

from __future__ import annotations

import json
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from busway.lab.errors import LabRefused, LabTimeout

BANNER = b"busway-lab\n"
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 0.2

Frame = tuple[str, bytes]


class Channel:
    """The way into one machine: `port` finds the port of 127.0.0.1, `check` raises once waiting makes no sense."""

    def __init__(self, name: str, port: Callable[[], int], secret: str, check: Callable[[], None]) -> None:
        self._name = name
        self._port = port
        self._secret = secret
        self._check = check

    def ask(self, deadline: float, body: bytes = b"", **request: Any) -> Iterator[Frame]:
        """Send a request and give its frames as they come; the last is `x` with the result as JSON.

        `deadline` is in `time.monotonic()` seconds. Leaving the iteration early ends what was asked for.
        """
        line = json.dumps(request | {"secret": self._secret, "size": len(body)}).encode() + b"\n"
        with self._connect(deadline) as connection:
            connection.settimeout(max(deadline - time.monotonic(), 0.1))
            connection.sendall(line + body)
            yield from self._frames(connection, deadline)

    def _connect(self, deadline: float) -> socket.socket:
        """Connect and hear the banner; nothing was asked yet, so trying again is safe.

        QEMU accepts at once whether or not anything listens inside, so only the banner proves an ear.
        """
        while True:
            connection = self._try()
            if connection is not None:
                return connection
            self._check()
            self._in_time(deadline)
            time.sleep(_RETRY_SECONDS)

    def _try(self) -> socket.socket | None:
        try:
            connection = socket.create_connection(("127.0.0.1", self._port()), timeout=5)
        except OSError:
            return None
        try:
            banner = _exactly(connection, len(BANNER))
        except OSError:
            banner = b""
        if banner == BANNER:
            return connection
        connection.close()
        return None

    def _frames(self, connection: socket.socket, deadline: float) -> Iterator[Frame]:
        buffer = bytearray()
        connection.setblocking(False)
        with selectors.DefaultSelector() as ready:
            ready.register(connection, selectors.EVENT_READ)
            while True:
                while (frame := _cut(buffer)) is not None:
                    yield frame
                    if frame[0] == "x":
                        return
                if not ready.select(min(_LOOK_SECONDS, max(deadline - time.monotonic(), 0))):
                    self._check()
                    self._in_time(deadline)
                elif not _receive(connection, buffer):
                    self._check()
                    raise LabRefused(f"Lab host {self._name} closed the connection before its answer was whole")

    def _in_time(self, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise LabTimeout(f"Lab host {self._name} is alive and the command did not end in time")


def _cut(buffer: bytearray) -> Frame | None:
    if len(buffer) < 5:
        return None
    (size,) = struct.unpack_from(">I", buffer, 1)
    if len(buffer) < 5 + size:
        return None
    frame = (chr(buffer[0]), bytes(buffer[5 : 5 + size]))
    del buffer[: 5 + size]
    return frame


def _receive(connection: socket.socket, buffer: bytearray) -> bool:
    try:
        data = connection.recv(1 << 18)
    except ConnectionError:
        return False
    buffer += data
    return bool(data)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data
