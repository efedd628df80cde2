"""Copies between two connections until one of them ends, in one thread: a TLS connection is not for two at a time."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable

_PIECE = 1 << 18
_MOST = 1 << 22  # bytes that wait for a slow reader
_LOOK = 1.0


class _End:
    """One connection: what it has to send, and whether it has ended."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.waiting = bytearray()
        self.is_over = False  # nothing more comes from it
        self.is_shut = False  # nothing more goes to it
        connection.setblocking(False)

    def read(self, other: _End) -> bool:
        """Reads the available bytes for the other end; True if there were any."""
        if self.is_over or len(other.waiting) >= _MOST:
            return False
        try:
            piece = self.connection.recv(_PIECE)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not piece:
            self.is_over = True
        other.waiting += piece
        return True

    def write(self) -> bool:
        """Sends as many bytes as possible; True if any were sent."""
        if not self.waiting:
            return False
        try:
            sent = self.connection.send(memoryview(self.waiting)[:_PIECE])
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        del self.waiting[:sent]
        return sent > 0

    def shut(self) -> None:
        """Tells the other side that nothing more comes. TLS can't say so and still listen: there it ends both ways."""
        self.is_shut = True
        if not isinstance(self.connection, ssl.SSLSocket):
            self.connection.shutdown(socket.SHUT_WR)


def pump(one: socket.socket, two: socket.socket, goes_on: Callable[[], bool]) -> None:
    """Copies both ways; closes both when one has ended and its last bytes are sent, or when `goes_on` says no."""
    ends = (_End(one), _End(two))
    try:
        while goes_on():
            moved = [end.read(other) for end, other in (ends, ends[::-1])]
            moved += [end.write() for end in ends]
            if any(moved):
                continue
            for end, other in (ends, ends[::-1]):
                if end.is_over and not other.waiting:
                    if isinstance(other.connection, ssl.SSLSocket) or other.is_over:
                        return
                    if not other.is_shut:
                        other.shut()
            reading = [
                end.connection for end, other in (ends, ends[::-1]) if not end.is_over and len(other.waiting) < _MOST
            ]
            writing = [end.connection for end in ends if end.waiting]
            select.select(reading, writing, [], _LOOK)
    except (OSError, ValueError):
        return
    finally:
        for end in ends:
            end.connection.close()
