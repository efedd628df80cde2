"""The sockets of a guest that QEMU would have: a screen that greets as VNC does, and a serial port with a log-in prompt.

Like QEMU's, the serial port takes one connection at a time. Both answer what they are sent with the same bytes in capitals; to
a client that answers with VNC's version, the screen offers to let it in without a password, and does.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from busway.domain.console import ConsoleKind

GREETINGS = {ConsoleKind.VNC: b"RFB 003.008\n", ConsoleKind.SERIAL: b"\r\nguest login: "}


# What a screen says after its greeting to a client that speaks VNC (RFC 6143): one way in, which needs no password; that it is
# let in; and a screen of 640 by 480 pixels with its name.
_NAME = b"a guest"
_SCREEN = struct.pack(">HH16xI", 640, 480, len(_NAME)) + _NAME
_OPENING = (b"\x01\x01", b"\x00\x00\x00\x00", _SCREEN)


class GuestSockets:
    """Listens at the paths until it is closed; `flood` is what the screen sends after its greeting, as fast as it is taken."""

    def __init__(self, paths: Mapping[ConsoleKind, Path], flood: int = 0) -> None:
        self._flood = flood
        self.sent = 0  # bytes of the flood that were taken
        self._listening = []
        self._taken: list[socket.socket] = []
        for kind, path in paths.items():
            path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(4)
            self._listening.append(listener)
            threading.Thread(target=self._accept, args=(listener, kind), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends as QEMU does when its guest powers off."""
        for each in (*self._listening, *self._taken):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket, kind: ConsoleKind) -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            self._taken.append(taken)
            if kind is ConsoleKind.SERIAL:
                self._talk(taken, kind)
            else:
                threading.Thread(target=self._talk, args=(taken, kind), daemon=True).start()

    def _talk(self, taken: socket.socket, kind: ConsoleKind) -> None:
        with suppress(OSError):
            taken.sendall(GREETINGS[kind])
            while self.sent < self._flood:
                self.sent += taken.send(bytes(min(1 << 16, self._flood - self.sent)))
            if kind is ConsoleKind.VNC and not self._flood:
                _let_in(taken)
            while data := taken.recv(1 << 16):
                taken.sendall(data.upper())
        with suppress(OSError):
            taken.close()


def _let_in(taken: socket.socket) -> None:
    """Opens the screen to a client that answers the greeting with the same; to any other its words come back in capitals."""
    for answer in _OPENING:
        data = taken.recv(1 << 16)
        if not data or (answer is _OPENING[0] and data != GREETINGS[ConsoleKind.VNC]):
            taken.sendall(data.upper())
            return
        taken.sendall(answer)
