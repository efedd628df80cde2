"""A guest's shell on its serial port."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from pathlib import Path
from typing import Protocol

# Lines are read as they are, without an editor that draws them again.
_READ = b'stty -echo; exec sh -c \'while echo "# "; read -r line; do eval "$line"; done\'\n'


class Line(Protocol):
    """The way to a serial port."""

    def send(self, data: bytes) -> None: ...

    def receive(self) -> bytes:
        """What the guest has written; raises TimeoutError if it writes nothing for half a second."""

    def close(self) -> None: ...


class SocketLine:
    """A serial port that is a Unix socket of this machine."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._socket.settimeout(0.5)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> bytes:
        return self._socket.recv(65536)

    def close(self) -> None:
        self._socket.close()


class Shell:
    """Runs one command after the other in a guest; the lab's guest gives a shell to whoever presses Enter."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._number = 0
        self.code = 0
        self._line.send(b"\n")
        self._read("# ", 60)
        self._line.send(_READ)
        self.run("true")

    def close(self) -> None:
        self._line.close()

    def run(self, command: str, seconds: float = 60.0) -> str:
        """What a command of one line prints; its end is a line that the command itself does not contain."""
        self._number += 1
        self._line.send(f"{command}; echo end-{self._number}-'of'-it $?\n".encode())
        said, found = self._read(rf"end-{self._number}-of-it (\d+)\r?\n", seconds)
        self.code = int(found[1])
        return said[: found.start()].replace("\r", "").replace("# \n", "").strip()

    def can(self, command: str, seconds: float = 60.0) -> bool:
        """True when a command ends with success."""
        self.run(f"({command}) > /dev/null 2>&1", seconds)
        return self.code == 0

    def pings(self, address: str, times: int = 3, source: str = "") -> bool:
        """True when the address answers one of some questions."""
        as_ = f" -I {source}" if source else ""
        return self.can(f"ping -c {times} -W 2{as_} {address}")

    def _read(self, until: str, seconds: float) -> tuple[str, re.Match[str]]:
        said, deadline = b"", time.monotonic() + seconds
        while (found := re.search(until, text := said.decode(errors="replace"))) is None:
            assert time.monotonic() < deadline, f"no {until!r} in {seconds:.0f} s: {text}"
            with contextlib.suppress(TimeoutError):
                said += self._line.receive()
        return text, found
