"""Microsoft's VHD, which QEMU calls vpc: a fixed or a dynamic disk; not a differencing one, which names its parent.

Sources: Virtual Hard Disk Image Format Specification 1.0; QEMU's block/vpc.c, which does not look at the type.
"""

from __future__ import annotations

import struct

from busway.domain.disk_formats.foreign_disk import ForeignDisk, Read, other, unfit

_FOOTER_BYTES = 512
_COOKIE = b"conectix"
_SIZE, _TYPE = 48, 60  # where a footer has the size of the disk and its type
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_DYNAMIC_COOKIE = b"cxsparse"


def look(read: Read, size: int) -> ForeignDisk:
    """A VHD file: the footer of a dynamic disk is at its begin too, that of a fixed one at its end only."""
    footer = read(0, _FOOTER_BYTES)
    is_dynamic = footer.startswith(_COOKIE)
    if not is_dynamic:
        footer = read(max(0, size - _FOOTER_BYTES), _FOOTER_BYTES)
    if not footer.startswith(_COOKIE) or len(footer) < _FOOTER_BYTES:
        return other("neither its begin nor its end is a footer of a VHD file")
    (virtual_size,) = struct.unpack_from(">Q", footer, _SIZE)
    (kind,) = struct.unpack_from(">I", footer, _TYPE)
    if kind == _DIFFERENCING:
        return unfit("it is the difference to another file, which it names", names_other_file=True)
    if kind != (_DYNAMIC if is_dynamic else _FIXED):
        return unfit(f"its type is {kind}; known are {_FIXED} (fixed) and {_DYNAMIC} (dynamic)")
    if not is_dynamic and virtual_size > size - _FOOTER_BYTES:
        return unfit(f"it says that its disk has {virtual_size} bytes, of which {size - _FOOTER_BYTES} are there")
    if is_dynamic:
        (at,) = struct.unpack_from(">Q", footer, 16)
        if at > size or not read(at, len(_DYNAMIC_COOKIE)).startswith(_DYNAMIC_COOKIE):
            return unfit("its second header is not where the first one says")
    return ForeignDisk(virtual_size)
