"""The cached images of a host: one that no server here has used for a day is removed, such as a disk that has travelled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from busway.agent.image_format import backing_file
from busway.agent.state import StateFolder
from busway.domain.disk_role import DiskRole
from busway.domain.documents import Desired
from busway.domain.ids import ServerId
from busway.reconciler.local import LocalState

_LOOK_SECONDS = 3600.0
_KEEP_SECONDS = 86400.0


class ImageCache:
    """Remembers in each file's time of change when a server was last seen to have it."""

    def __init__(self, state: StateFolder, wall_ns: Callable[[], int]) -> None:
        self._state = state
        self._wall_ns = wall_ns
        self._looked = float("-inf")

    def tidy(self, desired: Desired, local: LocalState) -> list[str]:
        """Removes what is not used, at most once an hour; returns the names.

        What a disk of a server needs that the document does not have is kept: its backing file says which.
        """
        now = self._wall_ns() / 1e9
        wanted = {server.id for server in desired.servers}
        if now - self._looked < _LOOK_SECONDS:
            return []
        needed = [self._needed(server.id) for server in local.servers if server.id not in wanted]
        if None in needed:
            return []
        self._looked = now
        used = {server.image.sha256 for server in desired.servers}.union(*filter(None, needed))
        used |= {server.rescue.image.sha256 for server in desired.servers if server.rescue is not None}
        used |= {server.ephemeral_image.sha256 for server in desired.servers if server.ephemeral_image is not None}
        removed = []
        for name in sorted(self._state.cached_images()):
            path = self._state.image(name)
            if name in used:
                os.utime(path, (now, now))
            elif now - path.stat().st_mtime > _KEEP_SECONDS:
                path.unlink()
                removed.append(name)
        return removed

    def _needed(self, server_id: ServerId) -> frozenset[str] | None:
        """The images that a server's disks are based on; None if a disk can't be read."""
        try:
            paths = [self._state.files(server_id, number).disk for number in self._state.disks(server_id)]
            extra = self._state.extra_disks(server_id, DiskRole.EPHEMERAL)
            paths += [self._state.files(server_id, number).disk_of(DiskRole.EPHEMERAL) for number in extra]
            names = [backing_file(path) for path in paths]
        except OSError:
            return None
        return None if None in names else frozenset(Path(name).name for name in names if name)
