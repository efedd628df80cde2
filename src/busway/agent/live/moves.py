"""The live migrations of one host: the guests that it awaits, and how far those have come that it sends."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from busway.agent.live.listener import Guest, Listener
from busway.agent.live.protocol import Channel
from busway.domain.documents import Desired
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveProgress, LiveRole, LiveSeen, LiveStage

RUN = Path("/run/libvirt/busway")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Where this host listens for guests (port 0: any that is free), and by which "address:port" others reach it, "" for the same.

    `folder` is where the sockets are. It must have the same path on all hosts, because the two QEMUs use the same names. This one is
    below libvirt's, where its AppArmor profile lets QEMU open a migration's sockets.
    """

    listen: tuple[str, int] = ("127.0.0.1", 0)
    address: str = ""
    folder: Path = RUN


class LiveMoves:
    """The live migrations of this host, kept in memory only: a restarted agent begins them again."""

    def __init__(self, options: LiveOptions, log: FilteringBoundLogger) -> None:
        self.options = options
        self.listener = Listener(options.listen, log)
        self._guard = threading.Lock()
        self._forced: frozenset[str] = frozenset()
        self._progress: dict[ServerId, tuple[str, LiveProgress]] = {}

    def desire(self, desired: Desired) -> None:
        """Follows the desired state: guests that are not to arrive are no longer awaited, and forced moves are noted."""
        orders = [server.live for server in desired.servers if server.live is not None]
        self._forced = frozenset(order.move for order in orders if order.force)
        self.listener.keep(frozenset(order.move for order in orders if order.role is LiveRole.INCOMING))

    def expect(self, guest: Guest) -> None:
        """Awaits a guest."""
        self.listener.expect(guest)

    def is_forced(self, move: str) -> bool:
        """True if a move's guest must stand still now."""
        return move in self._forced

    def note(self, server_id: ServerId, move: str, progress: LiveProgress) -> None:
        """Remembers how far a guest has come that is being sent."""
        with self._guard:
            self._progress[server_id] = move, progress

    def forget(self, server_id: ServerId) -> None:
        """Says that a guest is not being sent any more."""
        with self._guard:
            self._progress.pop(server_id, None)

    def awaited(self, server_id: ServerId) -> str:
        """The move by which a server is awaited, "" for one that is not."""
        return self.listener.awaited().get(server_id, "")

    def seen(self, server_id: ServerId) -> LiveSeen | None:
        """The state of a server's live migration for the report, or None."""
        awaited = self.awaited(server_id)
        if awaited:
            host = self.options.listen[0]
            address = self.options.address or f"{f'[{host}]' if ':' in host else host}:{self.listener.port}"
            return LiveSeen(awaited, LiveStage.LISTENING, address, self.listener.fingerprint)
        with self._guard:
            sent = self._progress.get(server_id)
        return LiveSeen(sent[0], LiveStage.COPYING, progress=sent[1]) if sent is not None else None

    def sockets(self, name: str, driver: Path) -> dict[Channel, Path]:
        """The paths of a guest's sockets by its domain's name; `driver` is libvirt's.

        The names are such as libvirt's AppArmor helper allows for a migration of this domain.
        """
        folder, last = self.options.folder, f"tunnelmigrate.dest.{name}"
        return {
            Channel.DRIVER: driver,
            Channel.MEMORY: folder / f"memory.{last}",
            Channel.STORAGE: folder / f"storage.{last}",
        }

    def make_folder(self, owner: tuple[int, int]) -> None:
        """Makes the folder of the sockets, which is for QEMU's user and root alone."""
        self.options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(self.options.folder, *owner)
        self.options.folder.chmod(0o700)

    def close(self) -> None:
        """Awaits nobody any more."""
        self.listener.close()
