"""Asking a QEMU through its monitor socket.

QEMU serves one client at a time, so clients take turns with a lock file beside the socket. The socket is reached
through its folder's descriptor, because a Unix socket's path may have no more than 107 bytes.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from busway.lab.errors import LabRefused

_HOST_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+([\d.]+)\s+(\d+)")
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 1.0
_ANSWER_SECONDS = 150.0  # more than a machine may be silent before it counts as hung


class Monitor:
    """The monitor of the QEMU whose working directory is `folder`; `check` raises once waiting makes no sense."""

    def __init__(self, folder: Path, check: Callable[[], None]) -> None:
        self._folder = folder
        self._check = check

    def human(self, line: str) -> str:
        """Give the human monitor one line and answer what it prints."""
        with self._session() as execute:
            return str(execute("human-monitor-command", {"command-line": line}))

    def forwards(self) -> dict[tuple[str, int], int]:
        """List the ports of 127.0.0.1 by the inner address and port they lead to."""
        found = _HOST_FORWARD.findall(self.human("info usernet"))
        return {(address, int(inner)): int(outer) for outer, address, inner in found}

    def forward(self, network: str, address: str, port: int, outer: int = 0) -> int:
        """Lead a port of 127.0.0.1 (0: one the kernel picks) to an inner address; asking twice is harmless."""
        known = self.forwards().get((address, port))
        if known is not None:
            return known
        output = self.human(f"hostfwd_add {network} tcp:127.0.0.1:{outer}-{address}:{port}").strip()
        made = self.forwards().get((address, port))
        if made is None:
            raise LabRefused(f"QEMU forwards no port to {address}:{port}", detail=output)
        return made

    def unforward(self, network: str, outer: int) -> None:
        """Close a port of 127.0.0.1; it is not an error if it is closed already."""
        self.human(f"hostfwd_remove {network} tcp:127.0.0.1:{outer}")

    @contextmanager
    def _session(self) -> Iterator[Callable[[str, dict[str, Any]], Any]]:
        with (self._folder / "qmp.lock").open("w") as lock:
            while not _locked(lock.fileno()):
                self._check()
                time.sleep(_LOOK_SECONDS)
            talk = self._greeted()
            with talk.connection:
                talk.execute("qmp_capabilities", {})
                yield talk.execute

    def _greeted(self) -> _Talk:
        """Connect and hear QEMU's greeting; a QEMU that ends or begins just now may reset the first try."""
        while True:
            talk = _Talk(self._connect(), self._check)
            try:
                talk.hear("QMP")
                return talk
            except (ConnectionError, LabRefused):
                talk.connection.close()
                self._check()
                time.sleep(_LOOK_SECONDS)

    def _connect(self) -> socket.socket:
        while True:
            folder = os.open(self._folder, os.O_PATH)
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_PATIENCE_SECONDS)
            try:
                connection.connect(f"/proc/self/fd/{folder}/qmp.sock")
                return connection
            except OSError:  # QEMU starts, or is gone: the check knows which
                connection.close()
                self._check()
                time.sleep(_LOOK_SECONDS)
            finally:
                os.close(folder)


class _Talk:
    def __init__(self, connection: socket.socket, check: Callable[[], None]) -> None:
        self.connection = connection
        self._check = check
        self._buffer = b""

    def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        self.connection.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        return self.hear("return")

    def hear(self, key: str) -> Any:
        """Read to the message that has `key`, past events."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if not found:
                self._buffer += self._receive(deadline)
                continue
            self._buffer = rest
            message = json.loads(line)
            if "error" in message:
                raise LabRefused("QEMU refused a command", detail=message["error"]["desc"])
            if key in message:
                return message[key]

    def _receive(self, deadline: float) -> bytes:
        while time.monotonic() < deadline:
            try:
                data = self.connection.recv(65536)
            except TimeoutError:
                self._check()
                continue
            if not data:
                raise LabRefused("QEMU's monitor closed the connection")
            return data
        raise LabRefused(f"QEMU's monitor gave no answer within {_ANSWER_SECONDS:.0f} s")


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
