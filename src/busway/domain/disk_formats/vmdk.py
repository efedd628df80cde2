"""VMware's VMDK: the two subformats that are one file, `monolithicSparse` and `streamOptimized`.

All others are a text that names files with the data (extents), any file of the machine that opens it. QEMU reads such a text
also in a sparse file whose capacity is 0, and takes the parent of a disk from a text at a fixed place. Sources: VMware's
Virtual Disk Format 5.0; QEMU's block/vmdk.c.
"""

from __future__ import annotations

import re
import struct

from busway.domain.disk_formats.foreign_disk import ForeignDisk, Read, other, unfit

_SECTOR = 512
# magic, version, flags, capacity, grain size, offset and size of the descriptor; all but the first four in sectors
_HEADER = struct.Struct("<4sIIQQQQ")
_MAGIC, _OLD_MAGIC = b"KDMV", b"COWD"
_VERSIONS = (1, 2, 3)
_TYPES = ("monolithicSparse", "streamOptimized")
_MOST_DESCRIPTOR_SECTORS = 128
_MOST_GRAIN_SECTORS = 128  # 64 KiB, VMware's own
_PARENT_AT, _PARENT_BYTES = _SECTOR, 20 * _SECTOR  # where QEMU looks for a parent, whatever the header says
_TYPE = re.compile(rb'^\s*createType\s*=\s*"([^"\n]{0,64})"', re.MULTILINE)
_EXTENT = re.compile(rb"^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\S{1,32})", re.MULTILINE)
_PARENT_CID = re.compile(rb"^\s*parentCID\s*=\s*(\S{1,32})", re.MULTILINE)
_NO_PARENT = b"ffffffff"


def look(read: Read, size: int) -> ForeignDisk:
    """A VMDK file."""
    head = read(0, _HEADER.size)
    if head.startswith(_OLD_MAGIC) or (head[:1] == b"#" and b"Disk DescriptorFile" in read(0, _SECTOR)):
        kind = _TYPE.search(read(0, _PARENT_BYTES))
        named = kind[1].decode("ascii", "replace") if kind else "an old one"
        return unfit(f"its subformat is {named}; one file are {' and '.join(_TYPES)}", names_other_file=True)
    if not head.startswith(_MAGIC):
        return other(f"it begins with {head[:4].hex(' ') or 'nothing'}; a VMDK file begins with {_MAGIC.hex(' ')}")
    if len(head) < _HEADER.size:
        return unfit("its header is cut off")
    _, version, _, capacity, grain, text_at, text_sectors = _HEADER.unpack(head)
    if version not in _VERSIONS:
        return unfit(f"its version is {version}")
    if capacity == 0:
        return unfit("its header has no size and leaves it to a text that names other files", names_other_file=True)
    if not 8 <= grain <= _MOST_GRAIN_SECTORS or grain & (grain - 1):
        return unfit(f"its grains have {grain} sectors")
    if not text_at or not 0 < text_sectors <= _MOST_DESCRIPTOR_SECTORS or text_at * _SECTOR > size:
        return unfit("it has no description: it is one of several files of a disk", names_other_file=True)
    descriptor = read(text_at * _SECTOR, text_sectors * _SECTOR)
    return _described(descriptor, read(_PARENT_AT, _PARENT_BYTES)) or ForeignDisk(capacity * _SECTOR)


def _described(descriptor: bytes, parent: bytes) -> ForeignDisk | None:
    """Why the description of a disk makes it unfit, None for one that is fit."""
    if any(b"parentfilenamehint" in text.lower() for text in (descriptor, parent)):
        return unfit("it names another file as its parent", names_other_file=True)
    kinds = [kind.decode("ascii", "replace") for kind in _TYPE.findall(descriptor)]
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        return unfit(
            f"its subformat is {', '.join(kinds) or 'not told'}; one file are {' and '.join(_TYPES)}",
            names_other_file=True,
        )
    extents = _EXTENT.findall(descriptor)
    if extents != [b"SPARSE"]:
        return unfit(
            f"its data is in {len(extents)} extents of the types {b', '.join(extents).decode('ascii', 'replace')}",
            names_other_file=True,
        )
    if any(cid.lower() != _NO_PARENT for cid in _PARENT_CID.findall(descriptor)):
        return unfit("it is the difference to another disk", names_other_file=True)
    return None
