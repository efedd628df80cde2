"""The other ends of a guest's connections: one that talks with it all the time, and one that listens and can speak."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import threading
import time

from tests.live.inside.cloud import until


class Echo:
    """Sends numbered lines to a guest that sends them back: each comes back whole and in order, or `count` stands still."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = connect(address, port)
        self.count = 0
        self.longest = 0.0
        self._wrong = ""
        threading.Thread(target=self._talk, daemon=True).start()

    def end(self) -> None:
        """Closes it; raises `AssertionError` if a line came back other than it was sent."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        assert not self._wrong, self._wrong

    def _talk(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as answers:
            number, last = 0, time.monotonic()
            while True:
                self._socket.sendall(b"line %d\n" % number)
                answer = answers.readline()
                if answer != b"line %d\n" % number:
                    self._wrong = f"instead of line {number} came {answer!r}"
                    return
                self.longest = max(self.longest, time.monotonic() - last)
                number, last = number + 1, time.monotonic()
                self.count = number
                time.sleep(0.05)


class Heard:
    """Listens for one connection, and keeps what comes by it."""

    def __init__(self, address: str, port: int) -> None:
        self._listening = socket.create_server((address, port))
        self._socket: socket.socket | None = None
        self._heard = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Heard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_open(self) -> bool:
        return self._socket is not None

    def lines(self) -> list[str]:
        """The whole lines that have come."""
        return self._heard.decode().split("\n")[:-1]

    def say(self, line: str) -> None:
        self.send(f"{line}\n".encode())

    def send(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendall(data)

    def wait_acknowledged(self) -> None:
        """Until the guest's system has said that it has all that was sent."""
        assert self._socket is not None
        until("acknowledgement", lambda: not self._unsent(), 60)

    def close(self) -> None:
        for each in (self._socket, self._listening):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _unsent(self) -> int:
        assert self._socket is not None
        found: int = struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)))[0]
        return found

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            self._socket, _peer = self._listening.accept()
            while piece := self._socket.recv(65536):
                self._heard += piece


def connect(address: str, port: int) -> socket.socket:
    """Connects, as soon as somebody listens there."""
    found: list[socket.socket] = []

    def try_it() -> bool:
        with contextlib.suppress(OSError):
            found.append(socket.create_connection((address, port), 5))
        return bool(found)

    until(f"listener at {address}:{port}", try_it, 60)
    found[0].settimeout(None)
    return found[0]
