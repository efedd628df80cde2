"""Checks the header of an image file, each time before the file is opened: its format, its size, and references to other files."""

from __future__ import annotations

import struct
from pathlib import Path

from busway.domain.errors import HostError
from busway.domain.qcow2 import HEADER_BYTES, MAGIC, read_qcow2

_LONGEST_NAME = 1023  # bytes, says the format
_BACKING = struct.Struct(">4sIQI")  # magic, version, backing file offset and size


def check_image(path: Path, disk_format: str) -> None:
    """Raises `HostError` for a file that is not of its format, or that no host should open."""
    if disk_format == "raw":
        return
    if disk_format != "qcow2":
        raise _unfit(f"its format is {disk_format}; Busway knows qcow2 and raw")
    found = read_qcow2(_opening(path))
    if found.unfit:
        raise _unfit(found.unfit)


def backing_file(path: Path) -> str | None:
    """The file that a qcow2 file reads from, "" for none; None for a file of another form."""
    header = _opening(path)
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        return None
    _, _, offset, size = _BACKING.unpack_from(header)
    if not offset:
        return ""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(min(size, _LONGEST_NAME)).decode(errors="replace")


def virtual_size(path: Path, disk_format: str) -> int:
    """The size in bytes of the disk that the guest would see."""
    if disk_format == "raw":
        return path.stat().st_size
    return read_size(path)


def read_size(path: Path) -> int:
    """The size in bytes of the disk in a qcow2 file, 0 for a file that is none."""
    return read_qcow2(_opening(path)).virtual_size if path.exists() else 0


def _opening(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def _unfit(why: str) -> HostError:
    return HostError(
        "The image can't be used",
        detail=f"Reason:  {why}.",
        remedy="Convert it with `qemu-img convert -O qcow2` and upload the result.",
        code="image-unfit",
    )
