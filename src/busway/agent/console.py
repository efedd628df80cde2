"""Hands the ends of guests' consoles to the control plane, each only when it has changed.

Where libvirt lets QEMU write the file itself (no virtlogd), a chatty guest could fill the host's disk: a console that
has grown beyond 8 MB is cut. QEMU goes on writing at its old offset; the hole before it takes no room.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from busway.agent.link import AgentLink
from busway.agent.state import StateFolder
from busway.domain.errors import Forbidden, NotFound
from busway.domain.ids import ServerId

_TAIL = 128 * 1024  # bytes
_LIMIT = 8 * 1024 * 1024  # bytes on the disk


class Consoles:
    """Remembers which state of each console was handed in."""

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
                with path.open("rb") as file:
                    status = os.fstat(file.fileno())
                    mark = status.st_size, status.st_mtime_ns
                    if not status.st_size or self._handed_in.get(server_id) == mark:
                        continue
                    file.seek(max(0, status.st_size - _TAIL))
                    text = file.read(_TAIL).lstrip(b"\0")  # what was cut away before reads as zeros
            except OSError:  # no console yet
                continue
            with suppress(
                NotFound, Forbidden
            ):  # the control plane does not know the server, or not here, and will say so
                self._link.put_console(server_id, text)
            self._handed_in[server_id] = mark
            if status.st_blocks * 512 > _LIMIT:
                os.truncate(path, 0)
