"""The agent's folder on its host: cached images, one folder per server, one record per held device.

images/<sha256>
servers/<id>/{disk.qcow2, disk-<number>.qcow2, ephemeral.qcow2, swap.qcow2, config.iso, console.log, nvram.fd, serial.sock, server.json}
handovers/<id>.json      written before a device goes back, removed once the control plane has it
handover.key             signs them
held/<unit's name>.json   written before a unit is taken, removed after it was seen to be back
lock                     held while an agent runs
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from pathlib import Path

import msgspec

from busway.agent.handovers import HandoverRecords
from busway.agent.held import HeldRecords
from busway.agent.record import ServerRecord, read_record
from busway.domain.disk_role import DiskRole
from busway.domain.errors import BadInput, Conflict, HostError
from busway.domain.ids import ServerId
from busway.hardware.durable import sync_folder, write_durably
from busway.hypervisor.guest import GuestFiles

PARTIAL = ".fetching-"  # how a download begins its name
_FLAT = ".upload.qcow2"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,127}")


class StateFolder:
    """Everything under one folder, which is made when it is missing.

    Folders can be entered by anyone (0711), because QEMU runs as a user of its own; what is secret is in files of 0600.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        held, handovers = self.path / "held", self.path / "handovers"
        for folder in (self.path, self.images, self.servers):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        for folder in (held, handovers):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.held = HeldRecords(held)
        self.handovers = HandoverRecords(handovers, self.path / "handover.key")

    @property
    def images(self) -> Path:
        """Where cached images are, each named by its SHA-256."""
        return self.path / "images"

    @property
    def servers(self) -> Path:
        """Where the servers' folders are."""
        return self.path / "servers"

    def lock(self) -> int:
        """Makes this the only agent of the folder and returns the descriptor that holds it; raises `Conflict`."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise Conflict(
                f"Another agent (pid {pid}) uses {self.path}",
                remedy=f"Stop it first (`kill {pid}`), or use another --state folder.",
                code="agent-runs",
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor

    def remove_partials(self) -> None:
        """Removes what an agent that died in the midst of a download or an upload left behind."""
        for partial in (*self.images.glob(f"{PARTIAL}*"), *self.servers.glob(f"*/{_FLAT}")):
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
        last = "" if disk == 1 else f"-{disk}"
        return GuestFiles(
            folder / f"disk{last}.qcow2",
            folder / "config.iso",
            folder / "console.log",
            folder / "nvram.fd",
            {role: folder / f"{role}{last}.qcow2" for role in DiskRole},
        )

    def flat(self, server_id: ServerId) -> Path:
        """The file for a server's flattened disk while it is being uploaded."""
        return self.folder(server_id) / _FLAT

    def disks(self, server_id: ServerId) -> frozenset[int]:
        """The numbers of the layers of its root disk that are here whole; raises `OSError` if that can't be seen."""
        return self._numbers(server_id, "disk")

    def extra_disks(self, server_id: ServerId, role: DiskRole) -> frozenset[int]:
        """The numbers of the disks of a role that are here whole; raises `OSError` if that can't be seen."""
        return self._numbers(server_id, role)

    def _numbers(self, server_id: ServerId, name: str) -> frozenset[int]:
        try:
            names = os.listdir(self.folder(server_id))  # noqa: PTH208
        except FileNotFoundError:
            return frozenset()
        found = (re.fullmatch(rf"{name}(?:-(\d+))?\.qcow2", each) for each in names)
        return frozenset(int(match[1] or 1) for match in found if match)

    def remove(self, server_id: ServerId) -> None:
        """Removes a server's folder with all that is in it."""
        folder = self.folder(server_id)
        if folder.exists():
            shutil.rmtree(folder)
            sync_folder(self.servers)
        if folder.exists():
            raise HostError(
                f"The files of server {server_id} are still there",
                detail=f"{folder} was removed and exists again.",
                remedy="Look for another program that writes there.",
                code="remove-failed",
            )

    def record(self, server_id: ServerId) -> ServerRecord:
        """Reads what is remembered of a server; a fresh record when there is none, `HostError` if it can't be read."""
        return read_record(self.folder(server_id) / "server.json", ServerRecord) or ServerRecord()

    def write_record(self, server_id: ServerId, record: ServerRecord) -> None:
        """Remembers this of a server."""
        write_durably(self.make_folder(server_id) / "server.json", msgspec.json.encode(record))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput(f"'{name}' can't be a file name", code="invalid-name")
    return name
