"""What an image file says of itself, and what it must not say.

A qcow2 header can name a backing file or an external data file; QEMU would open those on the host for whoever made
the image. Layout: the qcow2 specification in QEMU's documentation (docs/interop/qcow2).
"""

from __future__ import annotations

import struct
from pathlib import Path

from busway.domain.errors import HostError

_MAGIC = b"QFI\xfb"
_EXTERNAL_DATA = 1 << 2  # incompatible feature bit
_LONGEST_NAME = 1023  # bytes, says the format
_HEADER = struct.Struct(">4sIQIIQ")  # magic, version, backing file offset and size, cluster bits, virtual size


def check_image(path: Path, disk_format: str) -> None:
    """Raises `HostError` for a file that is not of its format, or that refers to other files."""
    if disk_format == "raw":
        return
    if disk_format != "qcow2":
        raise _unfit(f"its format is {disk_format}; Busway knows qcow2 and raw")
    header = _opening(path)
    if len(header) < 80 or not header.startswith(_MAGIC):
        raise _unfit("it does not begin as a qcow2 file does")
    _, version, backing_offset, _, _, _ = _HEADER.unpack_from(header)
    if backing_offset:
        raise _unfit("it names a backing file on the host")
    if version >= 3 and struct.unpack_from(">Q", header, 72)[0] & _EXTERNAL_DATA:
        raise _unfit("it keeps its data in another file on the host")


def backing_file(path: Path) -> str | None:
    """The file that a qcow2 file reads from, "" for none; None for a file of another form."""
    header = _opening(path)
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        return None
    _, _, offset, size, _, _ = _HEADER.unpack_from(header)
    if not offset:
        return ""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(min(size, _LONGEST_NAME)).decode(errors="replace")


def virtual_size(path: Path, disk_format: str) -> int:
    """The size in bytes of the disk that the guest would see."""
    if disk_format == "raw":
        return path.stat().st_size
    header = _opening(path)
    return int(_HEADER.unpack_from(header)[5]) if len(header) >= _HEADER.size else 0


def _opening(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(104)


def _unfit(why: str) -> HostError:
    return HostError(
        "The image can't be used",
        detail=f"Of the image: {why}.",
        remedy="Convert it with `qemu-img convert -O qcow2` and upload the result.",
        code="image-unfit",
    )
