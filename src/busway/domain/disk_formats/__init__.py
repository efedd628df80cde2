"""What disk images of other hypervisors say of themselves, read before any program opens them.

`look_at` tells whether a file is of the format that its owner declared, how large the disk in it is, and why it must not be
opened: its header would have QEMU open other files, or nobody here has looked at such a file. Nothing else is read of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from busway.domain.disk_formats import iso, vdi, vhd, vhdx, vmdk
from busway.domain.disk_formats.foreign_disk import ForeignDisk, Look, Read
from busway.domain.errors import BadInput
from busway.domain.image import DISK_FORMATS

_LOOKS: Mapping[str, Look] = {
    "iso": iso.look,
    "vdi": vdi.look,
    "vhd": vhd.look,
    "vhdx": vhdx.look,
    "vmdk": vmdk.look,
}
# The formats, with the names that qemu-img gives them.
QEMU_NAMES: Mapping[str, str] = {"iso": "raw", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx", "vmdk": "vmdk"}
FOREIGN_FORMATS = tuple(QEMU_NAMES)
ALL_FORMATS = (*DISK_FORMATS, *FOREIGN_FORMATS)


def look_at(disk_format: str, read: Read, size: int) -> ForeignDisk:
    """The disk in a file of `size` bytes; `read` gives its bytes from an offset on, fewer at its end.

    Raises `BadInput` for a file of another format, or one that must not be opened.
    """
    found = _LOOKS[disk_format](read, size)
    if not found.is_one:
        raise BadInput(
            f"The data is not {disk_format} as the image was declared",
            detail=f"Reason: {found.unfit}.",
            remedy="Make the image again with the format of the data.",
            code="image-format",
        )
    if found.unfit:
        raise BadInput(
            f"The {disk_format} file can't be used",
            detail=f"Reason: {found.unfit}.",
            remedy="Make one file of it that needs no other: qemu-img convert -O qcow2 IN OUT, then upload OUT.",
            code="image-not-standalone" if found.names_other_file else "image-unfit",
        )
    return found
