"""Makes disks with qemu-img, which reads what tenants have written: with bounds, and with the format of every file named.

A format that is not named is guessed from the file, whose first bytes may be a guest's: then the guest chooses which of
the host's files are opened.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from busway.agent.image_format import read_size
from busway.domain.errors import HostError
from busway.domain.limited_program import limited
from busway.hardware.child import run_child

_WORDS_CHARACTERS = 4096
_MEMORY_BYTES = 1024**3
# A new overlay has a header and empty tables, whatever the size of the disk.
_OVERLAY_BYTES = 64 * 1024**2
# The tables of a full qcow2 file, and its header; the data of a disk comes on top.
_TABLES_SHARE, _TABLES_BYTES = 256, 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run of qemu-img may take: seconds on the clock and of CPU, and bytes of each file that it writes."""

    seconds: int
    cpu_seconds: int
    file_bytes: int


MAKE = Bounds(120, 30, _OVERLAY_BYTES)
_FLATTEN_SECONDS, FLATTEN_CPU_SECONDS = 6 * 3600, 3600


def make_overlay(image: Path, image_format: str, disk: Path, size_gb: int) -> None:
    """Makes a qcow2 disk that reads from `image` and keeps what is written itself."""
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", image_format, str(disk)]
    if size_gb:
        command.append(f"{size_gb}G")
    _run(command, disk, MAKE, lambda: None)


def make_empty(disk: Path, size: int) -> None:
    """Makes a qcow2 disk of so many bytes that reads as zeros."""
    _run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), str(size)], disk, MAKE, lambda: None)


def flatten(disk: Path, target: Path, check_cancelled: Callable[[], None]) -> None:
    """Writes a qcow2 disk and all that it reads from into one qcow2 file; `check_cancelled` is called meanwhile."""
    size = read_size(disk)
    bounds = Bounds(_FLATTEN_SECONDS, FLATTEN_CPU_SECONDS, size + size // _TABLES_SHARE + _TABLES_BYTES)
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", str(disk), str(target)]
    _run(command, target, bounds, check_cancelled)


def within(command: list[str], bounds: Bounds) -> list[str]:
    """The command within these bounds, and those of memory."""
    limits = {"as": _MEMORY_BYTES, "cpu": bounds.cpu_seconds, "fsize": bounds.file_bytes, "core": 0}
    return limited(command, limits)


def _run(command: list[str], made: Path, bounds: Bounds, check_cancelled: Callable[[], None]) -> None:
    """Runs qemu-img into a file that is there already, for its owner only: qemu-img would let everybody read it.

    libvirt gives a disk to QEMU's user before its guest starts.
    """
    made.touch(mode=0o600)
    made.chmod(0o600)
    try:
        ended = run_child(within(command, bounds), bounds.seconds, watch=check_cancelled)
    except FileNotFoundError as error:
        raise disk_failed(made, "prlimit is not installed", "Install it (Debian: util-linux).") from error
    except subprocess.TimeoutExpired as error:
        reason = f"qemu-img did not end in {bounds.seconds} s"
        raise disk_failed(made, reason, "Check the disk of this host.") from error
    if ended.status != 0:
        raise _refused(made, ended.status, ended.words[-_WORDS_CHARACTERS:], bounds)


def _refused(made: Path, code: int, words: str, bounds: Bounds) -> HostError:
    if code == 127 and "qemu-img" in words:
        return disk_failed(made, "qemu-img is not installed", "Install it (Debian: qemu-utils).")
    if code < 0:
        reason = f"signal {-code}; it may have {bounds.cpu_seconds} s of CPU and write {bounds.file_bytes} bytes"
        return disk_failed(
            made, f"qemu-img was ended by {reason}. {words}", "Look at the image: it asks for more than a disk can."
        )
    return disk_failed(made, words, "Check that the disk of this host has room.")


def disk_failed(disk: Path, words: str, remedy: str) -> HostError:
    """The error for a disk that could not be made."""
    return HostError(f"The disk {disk} could not be made", detail=words, remedy=remedy, code="disk-failed")
