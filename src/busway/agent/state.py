"""The agent's folder on its host: cached images, one folder per server, one record per held device.

images/<sha256>
servers/<id>/{disk.qcow2, disk-<number>.qcow2, config.iso, console.log, server.json}
held/<unit's name>.json   written before a unit is taken, removed after it was seen to be back
lock                     held while an agent runs
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec

from busway.agent.durable import remove_durably, sync_folder, write_durably
from busway.agent.record import ServerRecord
from busway.domain.errors import BadInput, Conflict
from busway.domain.grant import Held
from busway.domain.ids import ServerId, UnitName
from busway.hypervisor.guest import GuestFiles
from busway.wire.units import read_held, write_held

PARTIAL = ".fetching-"  # how a download begins its name
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,127}")


class StateFolder:
    """Everything under one folder, which is made when it is missing.

    Folders can be entered by anyone (0711), because QEMU runs as a user of its own; what is secret is in files of 0600.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        for folder in (self.path, self.images, self.servers, self._held):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)

    @property
    def images(self) -> Path:
        """Where cached images are, each named by its SHA-256."""
        return self.path / "images"

    @property
    def servers(self) -> Path:
        """Where the servers' folders are."""
        return self.path / "servers"

    @property
    def _held(self) -> Path:
        return self.path / "held"

    def lock(self) -> int:
        """Makes this the only agent of the folder and returns the descriptor that holds it; raises `Conflict`."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise Conflict(
                f"Another agent (pid {pid}) works in {self.path}",
                remedy=f"Stop it first (`kill {pid}`), or give this one another --state folder.",
                code="agent-runs",
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor

    def remove_partials(self) -> None:
        """Removes what an agent that died in the midst of a download left behind."""
        for partial in self.images.glob(f"{PARTIAL}*"):
            partial.unlink(missing_ok=True)

    def image(self, sha256: str) -> Path:
        """Where an image is, or would be."""
        return self.images / _checked(sha256)

    def cached_images(self) -> frozenset[str]:
        """The images that are here whole."""
        return frozenset(entry.name for entry in self.images.iterdir() if re.fullmatch("[0-9a-f]{64}", entry.name))

    def server_ids(self) -> tuple[ServerId, ...]:
        """The servers with a folder here."""
        return tuple(ServerId(entry.name) for entry in sorted(self.servers.iterdir()) if _NAME.fullmatch(entry.name))

    def folder(self, server_id: ServerId) -> Path:
        """Where a server's files are, or would be."""
        return self.servers / _checked(server_id)

    def make_folder(self, server_id: ServerId) -> Path:
        """Makes a server's folder unless it is there."""
        folder = self.folder(server_id)
        if not folder.is_dir():
            folder.mkdir(mode=0o711)
            sync_folder(self.servers)
        return folder

    def files(self, server_id: ServerId, disk: int = 1) -> GuestFiles:
        """The paths that a server's domain names; `disk` is the number of the disk that it runs on."""
        folder = self.folder(server_id)
        name = "disk.qcow2" if disk == 1 else f"disk-{disk}.qcow2"
        return GuestFiles(folder / name, folder / "config.iso", folder / "console.log")

    def disks(self, server_id: ServerId) -> frozenset[int]:
        """The numbers of the disks that are here whole."""
        found = (re.fullmatch(r"disk(?:-(\d+))?\.qcow2", path.name) for path in self.folder(server_id).glob("disk*"))
        return frozenset(int(match[1] or 1) for match in found if match)

    def remove(self, server_id: ServerId) -> None:
        """Removes a server's folder with all that is in it."""
        folder = self.folder(server_id)
        if folder.exists():
            shutil.rmtree(folder)
            sync_folder(self.servers)

    def record(self, server_id: ServerId) -> ServerRecord:
        """Reads what is remembered of a server; a fresh record when there is none that can be read."""
        try:
            return msgspec.json.decode((self.folder(server_id) / "server.json").read_bytes(), type=ServerRecord)
        except (OSError, msgspec.MsgspecError):
            return ServerRecord()

    def write_record(self, server_id: ServerId, record: ServerRecord) -> None:
        """Remembers this of a server."""
        write_durably(self.make_folder(server_id) / "server.json", msgspec.json.encode(record))

    def list_held(self) -> tuple[Held, ...]:
        """Reads the records of held units, in the order of their names."""
        found = (self._read_held(path) for path in self._held.glob("[!.]*.json"))
        return tuple(sorted((held for held in found if held is not None), key=lambda held: held.unit.name))

    def find_held(self, name: UnitName) -> Held | None:
        """The record of one unit."""
        return self._read_held(self._held_path(name))

    def write_held(self, held: Held) -> None:
        """Remembers that a unit is held."""
        write_durably(self._held_path(held.unit.name), msgspec.json.encode(write_held(held)))

    def remove_held(self, name: UnitName) -> None:
        """Forgets a unit that is back."""
        remove_durably(self._held_path(name))

    def _held_path(self, name: UnitName) -> Path:
        return self._held / f"{name}.json"

    def _read_held(self, path: Path) -> Held | None:
        try:
            content = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            return read_held(
                {"address": path.name.removesuffix(".json"), **content}
            )  # older ones have it by their name
        except (OSError, msgspec.MsgspecError):
            return None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput(f"'{name}' can't be the name of a file", code="invalid-name")
    return name
