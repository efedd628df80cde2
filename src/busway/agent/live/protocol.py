"""The words of the two agents at the beginning of each connection, and on the one by which they agree. JSON, one object a line."""

from __future__ import annotations

import json
import socket
import time
from enum import StrEnum
from typing import Any

from busway.domain.errors import BuswayError, HostError

LINE = 1 << 20  # bytes: a definition is of some kilobytes


class Channel(StrEnum):
    """What a connection is for."""

    CONTROL = "control"  # the two agents
    DRIVER = "driver"  # the two libvirts
    MEMORY = "memory"  # the two QEMUs: memory and devices
    STORAGE = "storage"  # the two QEMUs: disks


class Lines:
    """Objects on a connection; raises `OSError` for one that ends, and `ValueError` for what is no object."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._read = b""

    def send(self, **words: Any) -> None:
        """Sends one object."""
        self._connection.sendall(json.dumps(words).encode() + b"\n")

    def receive(self, most: int = LINE, seconds: float | None = None) -> dict[str, Any]:
        """Waits for one object of at most `most` bytes; all of it must come within so many seconds, where these are given."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._read:
            if deadline is not None:
                self._connection.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = self._connection.recv(min(1 << 16, most + 1 - len(self._read)))
            if not piece:
                raise ConnectionResetError("the other side has closed the connection")
            self._read += piece
            if len(self._read) > most and b"\n" not in self._read:
                raise ValueError("a line is too long")
        line, _, self._read = self._read.partition(b"\n")
        try:
            found = json.loads(line)
        except RecursionError as error:
            raise ValueError("a line is nested too deeply") from error
        if not isinstance(found, dict):
            raise ValueError("a line is not an object")
        return found


def to_words(error: BuswayError) -> dict[str, str]:
    """An error as it is sent."""
    return {"brief": error.brief, "detail": error.detail, "remedy": error.remedy, "code": error.code}


def from_words(words: object) -> HostError:
    """An error as it was sent."""
    fields = words if isinstance(words, dict) else {}
    brief, detail, remedy, code = (str(fields.get(key, ""))[:2000] for key in ("brief", "detail", "remedy", "code"))
    return HostError(brief or "The target host refused", detail=detail, remedy=remedy, code=code or "live-refused")
