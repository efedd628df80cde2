"""ISO 9660, which is read as raw data: a hybrid one boots as a disk. Source: ECMA-119, 8.1 and 8.4."""

from __future__ import annotations

from busway.domain.disk_formats.foreign_disk import ForeignDisk, Read, other

_DESCRIPTORS_AT = 16 * 2048
_MARK = b"\x01CD001\x01"  # a primary descriptor of a volume, version 1


def look(read: Read, size: int) -> ForeignDisk:
    """An ISO file."""
    if read(_DESCRIPTORS_AT, len(_MARK)) != _MARK:
        return other("it has no descriptor of an ISO 9660 volume")
    return ForeignDisk(size)
