"""Microsoft's VHDX, without a parent.

Sources: MS-VHDX 2.2 to 2.6; QEMU's block/vhdx.c, which reads the first table of regions.
"""

from __future__ import annotations

import struct
import uuid

from busway.domain.disk_formats.foreign_disk import ForeignDisk, Read, other, unfit

_MAGIC = b"vhdxfile"
_REGIONS_AT = 192 * 1024
_MOST_ENTRIES = 2047
_REGION = struct.Struct("<16sQII")
_ITEM = struct.Struct("<16sIIII")
_METADATA = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_PARAMETERS = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
_DISK_SIZE = uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8").bytes_le
_PARENT = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le
_HAS_PARENT = 1 << 1


def look(read: Read, size: int) -> ForeignDisk:
    """A VHDX file."""
    if read(0, len(_MAGIC)) != _MAGIC:
        return other(f"it does not begin with {_MAGIC.decode()}")
    regions = _entries(read, _REGIONS_AT, b"regi", 8, 16, _REGION)
    at = next((place for name, place, _, _ in regions if name == _METADATA), None)
    if at is None or at > size:
        return unfit("it has no region of metadata where the format wants it")
    items = {name: place for name, place, *_ in _entries(read, at, b"metadata", 10, 32, _ITEM)}
    if _PARAMETERS not in items or _DISK_SIZE not in items:
        return unfit("its metadata has no size of the disk")
    parameters, disk_size = read(at + items[_PARAMETERS], 8), read(at + items[_DISK_SIZE], 8)
    if len(parameters) < 8 or len(disk_size) < 8:
        return unfit("its metadata is cut off")
    if _PARENT in items or struct.unpack("<II", parameters)[1] & _HAS_PARENT:
        return unfit("it is the difference to another file, which it names", names_other_file=True)
    return ForeignDisk(int.from_bytes(disk_size, "little"))


def _entries(
    read: Read, at: int, signature: bytes, count_at: int, first: int, form: struct.Struct
) -> list[tuple[bytes, int, int, int]]:
    """The rows of a table: name, place, and two numbers more; none for a table that is no such table."""
    head = read(at, first)
    if not head.startswith(signature) or len(head) < first:
        return []
    width = 4 if signature == b"regi" else 2
    count = int.from_bytes(head[count_at : count_at + width], "little")
    rows = read(at + first, min(count, _MOST_ENTRIES) * form.size)
    whole = len(rows) - len(rows) % form.size
    return [(row[0], row[1], row[2], row[3]) for row in form.iter_unpack(rows[:whole])]
