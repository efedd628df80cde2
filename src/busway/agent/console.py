"""Sends the last part of each guest's console to the control plane, only when it has changed.

A console is kept in two files: what is written now, and what was written before it grew too large. Where virtlogd
writes it, virtlogd rotates it under the same names. Where libvirt lets QEMU write the file itself, a chatty guest
could fill the host's disk: a console that has grown beyond 8 MB has its end kept in the second file, and is cut. QEMU
continues to write at its old offset; the hole before it takes no space. Both are files on the host, so that a new
agent continues with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from busway.agent.link import AgentLink
from busway.agent.state import StateFolder
from busway.domain.errors import Forbidden, NotFound
from busway.domain.ids import ServerId

_TAIL = 128 * 1024  # bytes that are handed in
_KEPT = 1024 * 1024  # bytes of what was before
_LIMIT = 8 * 1024 * 1024  # bytes on the disk


class Consoles:
    """Remembers which state of each console was uploaded."""

    def __init__(self, state: StateFolder, link: AgentLink) -> None:
        self._state = state
        self._link = link
        self._handed_in: dict[ServerId, tuple[int, int]] = {}

    def hand_in(self, servers: Iterable[ServerId]) -> None:
        """Uploads the consoles that have changed since the last time."""
        here = tuple(servers)
        self._handed_in = {server_id: mark for server_id, mark in self._handed_in.items() if server_id in here}
        for server_id in here:
            path = self._state.files(server_id).console
            try:
                status = path.stat()
                mark = status.st_size, status.st_mtime_ns
                if not status.st_size or self._handed_in.get(server_id) == mark:
                    continue
                text = _end(path, _TAIL)
            except OSError:  # no console yet
                continue
            with suppress(
                NotFound, Forbidden
            ):  # the control plane does not know the server, or not here, and will say so
                self._link.put_console(server_id, text)
            self._handed_in[server_id] = mark
            if status.st_blocks * 512 > _LIMIT:
                with suppress(OSError):  # a full disk: tried again when the guest writes more, and the others continue
                    _rotate(path)


def _before(path: Path) -> Path:
    """Where the text before is: virtlogd's own name for it."""
    return path.with_name(f"{path.name}.0")


def _end(path: Path, most: int) -> bytes:
    """The last `most` bytes of a console, including text from before it was cut."""
    text = _tail(path, most)
    if len(text) < most:
        with suppress(FileNotFoundError):
            text = _tail(_before(path), most - len(text)) + text
    return text


def _tail(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most).lstrip(b"\0")  # what was cut away before reads as zeros


def _rotate(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_tail(path, _KEPT))
    fresh.replace(_before(path))
    os.truncate(path, 0)
