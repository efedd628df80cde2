"""What the first bytes of a qcow2 file say, and whether a host may open it for a guest.

A header can name other files, which QEMU would open on the host for whoever made the image; sizes that make QEMU ask for
terabytes of memory; or features that nobody here has looked at. Layout and limits: QEMU's docs/interop/qcow2 and
block/qcow2.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"QFI\xfb"
HEADER_BYTES = 104

# magic, version, backing file's offset and size, cluster bits, virtual size, encryption, entries of the L1 table,
# its offset, refcount table's offset and clusters, snapshots and their offset
_VERSION_2 = struct.Struct(">4sIQIIQIIQQIIQ")
# incompatible, compatible and autoclear features, refcount order, length of the header
_VERSION_3 = struct.Struct(">QQQII")
_CORRUPT, _EXTERNAL_DATA = 1 << 1, 1 << 2
_KNOWN_FEATURES = 0b11111  # dirty, corrupt, external data, compression type, extended L2 entries
_LEAST_CLUSTER_BITS, _MOST_CLUSTER_BITS = 9, 21
_MOST_REFCOUNT_ORDER = 6
MOST_L1_BYTES = 32 * 1024**2  # QCOW_MAX_L1_SIZE
_MOST_SNAPSHOTS = 65536


@dataclass(frozen=True, slots=True)
class Qcow2:
    """A header: `unfit` says why no host should open the file (empty when it may), `virtual_size` is in bytes."""

    virtual_size: int = 0
    unfit: str = ""
    names_other_file: bool = False


def read_qcow2(header: bytes) -> Qcow2:
    """Reads the first `HEADER_BYTES` of a file; anything odd makes it unfit."""
    if not header.startswith(MAGIC):
        return Qcow2(unfit="it does not begin as a qcow2 file does")
    if len(header) < _VERSION_2.size:
        return Qcow2(unfit=f"its header has {len(header)} bytes of at least {_VERSION_2.size}")
    _, version, backing, _, cluster_bits, size, encryption, l1_entries, *_, snapshots, _ = _VERSION_2.unpack_from(
        header
    )
    if version not in (2, 3):
        return Qcow2(size, f"its version is {version}; known are 2 and 3")
    if backing:
        return Qcow2(size, "it names a backing file on the host", True)
    if encryption:
        return Qcow2(size, "it is encrypted, and no host has the key")
    if not _LEAST_CLUSTER_BITS <= cluster_bits <= _MOST_CLUSTER_BITS:
        return Qcow2(size, f"its clusters have 2^{cluster_bits} bytes")
    if snapshots > _MOST_SNAPSHOTS:
        return Qcow2(size, f"it says that it has {snapshots} snapshots")
    if l1_entries * 8 > MOST_L1_BYTES or not _fits(size, cluster_bits):
        return Qcow2(size, f"a disk of {size} bytes can't be: QEMU has no table for as much")
    return _read_version_3(header, size) if version == 3 else Qcow2(size)


def _read_version_3(header: bytes, size: int) -> Qcow2:
    if len(header) < HEADER_BYTES:
        return Qcow2(size, f"its header has {len(header)} bytes of at least {HEADER_BYTES}")
    features, _, _, refcount_order, _ = _VERSION_3.unpack_from(header, _VERSION_2.size)
    if features & _EXTERNAL_DATA:
        return Qcow2(size, "it keeps its data in another file on the host", True)
    if features & _CORRUPT:
        return Qcow2(size, "it is marked as corrupt")
    if features & ~_KNOWN_FEATURES:
        return Qcow2(size, f"it has features that are not known: {features:#x}")
    if refcount_order > _MOST_REFCOUNT_ORDER:
        return Qcow2(size, f"its reference counts have 2^{refcount_order} bits")
    return Qcow2(size)


def _fits(size: int, cluster_bits: int) -> bool:
    """Whether a table of `MOST_L1_BYTES` spans a disk: an L1 entry stands for a cluster of L2 entries of 8 bytes."""
    span = 1 << (cluster_bits + cluster_bits - 3)
    return -(-size // span) * 8 <= MOST_L1_BYTES
