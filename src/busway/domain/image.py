"""Images: their life, and what the first bytes of a file say about its format.

An image is QUEUED until its whole data is stored and checked, then ACTIVE for ever; data never changes after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.ids import ImageId, ProjectId

DISK_FORMATS = ("qcow2", "raw")
CONTAINER_FORMATS = ("bare",)
VISIBILITIES = ("public", "community", "shared", "private")
HEADER_BYTES = 104

_QCOW2_MAGIC = b"QFI\xfb"
_QCOW2_EXTERNAL_DATA = 1 << 2


class ImageStatus(StrEnum):
    """The status words of the image API that Busway uses."""

    QUEUED = "queued"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Image:
    """An image; `size` is in bytes of the file, `virtual_size` in bytes of the disk that it describes."""

    id: ImageId
    name: str | None
    status: ImageStatus
    owner: ProjectId
    created: datetime
    updated: datetime
    visibility: str = "shared"
    disk_format: str | None = None
    container_format: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    sha512: str | None = None
    min_disk: int = 0  # GiB
    min_ram: int = 0  # MiB
    protected: bool = False
    hidden: bool = False
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    deleted: datetime | None = None

    def is_visible_to(self, caller: Caller) -> bool:
        """True when the caller may see and boot it."""
        return self.visibility in ("public", "community") or caller.may_see(self.owner)


def check_header(disk_format: str, header: bytes, size: int) -> int:
    """Checks the first `HEADER_BYTES` of a file against its declared format; returns the virtual size in bytes.

    A qcow2 that names another file (a backing file, an external data file) is refused: the host would open it.
    """
    is_qcow2 = header[:4] == _QCOW2_MAGIC
    if disk_format == "raw":
        if is_qcow2:
            raise _wrong_format("The data is qcow2 but the image was declared raw", "--disk-format qcow2")
        return size
    if not is_qcow2:
        found = header[:4].hex(" ") or "nothing"
        raise _wrong_format(
            "The data is not qcow2 as the image was declared",
            "--disk-format raw, or convert it: qemu-img convert -O qcow2 IN OUT",
            f"It begins with {found}; a qcow2 file begins with {_QCOW2_MAGIC.hex(' ')}.",
        )
    return _check_qcow2(header)


def _check_qcow2(header: bytes) -> int:
    if len(header) < 72:
        raise _wrong_format(f"The qcow2 header has {len(header)} bytes of at least 72", "the whole file")
    version = int.from_bytes(header[4:8], "big")
    features = int.from_bytes(header[72:80], "big") if version >= 3 else 0
    if int.from_bytes(header[8:16], "big") or features & _QCOW2_EXTERNAL_DATA:
        raise BadInput(
            "The qcow2 file depends on another file",
            detail="It names a backing file or an external data file, which a host must not open for a guest.",
            remedy="Flatten it: qemu-img convert -O qcow2 IN OUT, then upload OUT.",
            code="image-not-standalone",
        )
    return int.from_bytes(header[24:32], "big")


def _wrong_format(brief: str, give: str, detail: str = "") -> BadInput:
    return BadInput(brief, detail=detail, remedy=f"Create the image again with {give}.", code="image-format")
