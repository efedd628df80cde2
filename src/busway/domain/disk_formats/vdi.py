"""VirtualBox's VDI: a dynamic or a static disk; not a differencing one. Source: QEMU's block/vdi.c."""

from __future__ import annotations

import struct

from busway.domain.disk_formats.foreign_disk import ForeignDisk, Read, other, unfit

_HEADER_BYTES = 512
_SIGNATURE_AT, _SIGNATURE = 0x40, 0xBEDA107F
_VERSION = 0x00010001
_DYNAMIC, _STATIC = 1, 2
_SIZE_AT, _LINK_AT, _PARENT_AT = 0x170, 0x1A8, 0x1B8
_NOBODY = bytes(16)


def look(read: Read, size: int) -> ForeignDisk:
    """A VDI file."""
    head = read(0, _HEADER_BYTES)
    if len(head) < _HEADER_BYTES or size < _HEADER_BYTES:
        return other(f"it has {len(head)} bytes; a VDI file has a header of {_HEADER_BYTES}")
    signature, version, _, kind = struct.unpack_from("<IIII", head, _SIGNATURE_AT)
    if signature != _SIGNATURE:
        return other("it does not have the signature of a VDI file")
    if version != _VERSION:
        return unfit(f"its version is {version >> 16}.{version & 0xFFFF}; known is 1.1")
    if any(head[at : at + 16] != _NOBODY for at in (_LINK_AT, _PARENT_AT)):
        return unfit("it is the difference to another file", names_other_file=True)
    if kind not in (_DYNAMIC, _STATIC):
        return unfit(f"its type is {kind}; known are {_DYNAMIC} (dynamic) and {_STATIC} (static)")
    (virtual_size,) = struct.unpack_from("<Q", head, _SIZE_AT)
    return ForeignDisk(virtual_size)
