"""Makes disks that are empty but for a file system or a swap area, as small qcow2 files.

The raw file of the whole size is sparse: it takes no more room than what mkfs writes, and is gone once qemu-img has read it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from busway.agent.qemu_img import Bounds, disk_failed, within
from busway.domain.disk_role import DiskRole
from busway.hardware.child import run_child

_MB = 1024**2
_SECONDS, _CPU_SECONDS = 300, 120
# What mkfs writes of a file system is a small part of it, and less than this of one that is as large as ext4 can be.
_META_BYTES = 64 * 1024**3
_LAZY = "lazy_itable_init=1,lazy_journal_init=1"
# The label by which cloud-init finds it, as Nova gives it.
_MAKERS = {
    DiskRole.EPHEMERAL: ("mkfs.ext4", "-q", "-F", "-L", "ephemeral0", "-E", _LAZY),
    DiskRole.SWAP: ("mkswap",),
}
_PACKAGES = {DiskRole.EPHEMERAL: "e2fsprogs", DiskRole.SWAP: "util-linux"}


def can_make_blank() -> bool:
    """True on a host that has what makes such disks."""
    return all(shutil.which(command[0]) for command in _MAKERS.values())


def make_blank(role: DiskRole, disk: Path, size_mb: int) -> None:
    """Makes a qcow2 disk of a role, readable by its owner alone; raises `HostError`."""
    raw = disk.with_name(f"{disk.name}.raw")
    size = size_mb * _MB
    try:
        for path in (raw, disk):
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
        with raw.open("r+b") as file:
            file.truncate(size)
        _run([*_MAKERS[role], str(raw)], disk, Bounds(_SECONDS, _CPU_SECONDS, size), _PACKAGES[role])
        command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(disk)]
        _run(command, disk, Bounds(_SECONDS, _CPU_SECONDS, _META_BYTES), "qemu-utils")
    finally:
        raw.unlink(missing_ok=True)


def _run(command: list[str], disk: Path, bounds: Bounds, package: str) -> None:
    try:
        ended = run_child(within(command, bounds), bounds.seconds)
    except FileNotFoundError as error:
        raise disk_failed(disk, "prlimit is not installed", "Install it (Debian: util-linux).") from error
    except subprocess.TimeoutExpired as error:
        raise disk_failed(
            disk, f"{command[0]} did not end in {bounds.seconds} s", "Check the disk of this host."
        ) from error
    if ended.status == 127:
        raise disk_failed(disk, f"{command[0]} is not installed", f"Install it (Debian: {package}).")
    if ended.status != 0:
        raise disk_failed(disk, f"{command[0]}: {ended.words[-2000:]}", "Check that the disk of this host has room.")
