"""Headers of other hypervisors' disks: what may be opened, and why other files may not."""

import struct
import uuid

import pytest

from busway.domain.disk_formats import look_at
from busway.domain.disk_formats.foreign_disk import ForeignDisk
from busway.domain.errors import BadInput

GIB = 1 << 30
DESCRIPTION = '# Disk DescriptorFile\nparentCID=ffffffff\ncreateType="monolithicSparse"\nRW 2097152 SPARSE "x.vmdk"\n'


def seen(disk_format: str, data: bytes, size: int | None = None) -> ForeignDisk:
    return look_at(disk_format, lambda at, length: data[at : at + length], len(data) if size is None else size)


def vmdk(
    text: str = DESCRIPTION,
    *,
    version: int = 1,
    capacity: int = GIB // 512,
    grain: int = 128,
    at: int = 30,
    sectors: int = 2,
) -> bytes:
    head = struct.pack("<4sIIQQQQ", b"KDMV", version, 3, capacity, grain, at, sectors)
    return head.ljust(30 * 512, b"\0") + text.encode().ljust(2 * 512, b"\0")


def footer(kind: int, size: int = GIB, at: int = 512) -> bytes:
    made = bytearray(512)
    made[:8] = b"conectix"
    struct.pack_into(">Q", made, 16, at)
    struct.pack_into(">Q", made, 48, size)
    struct.pack_into(">I", made, 60, kind)
    return bytes(made)


def dynamic_vhd(kind: int = 3, cookie: bytes = b"cxsparse") -> bytes:
    return footer(kind) + cookie.ljust(1024, b"\0") + footer(kind)


def fixed_vhd(kind: int = 2, size: int = 1024) -> bytes:
    return bytes(1024) + footer(kind, size)


def vdi(*, signature: int = 0xBEDA107F, version: int = 0x00010001, kind: int = 1, parent: bytes = b"") -> bytes:
    made = bytearray(1024)
    struct.pack_into("<IIII", made, 0x40, signature, version, 0, kind)
    struct.pack_into("<Q", made, 0x170, GIB)
    made[0x1A8 : 0x1A8 + len(parent)] = parent
    return bytes(made)


def vhdx(*, regions: bool = True, items: tuple[str, ...] = ("parameters", "size"), flags: int = 0) -> bytes:
    ids = {
        "parameters": "caa16737-fa36-4d43-b3b6-33f0aa44e76b",
        "size": "2fa54224-cd1b-4876-b211-5dbed83bf4b8",
        "parent": "a8d35f2d-b30b-454d-abf7-d3d84834ab0c",
    }
    made = bytearray(400 * 1024)
    made[:8] = b"vhdxfile"
    at = 300 * 1024
    if regions:
        made[192 * 1024 : 192 * 1024 + 4] = b"regi"
        struct.pack_into("<I", made, 192 * 1024 + 8, 1)
        metadata = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
        struct.pack_into("<16sQII", made, 192 * 1024 + 16, metadata, at, 4096, 1)
    made[at : at + 8] = b"metadata"
    struct.pack_into("<H", made, at + 10, len(items))
    for number, name in enumerate(items):
        place = 0x1000 + 16 * number
        struct.pack_into("<16sIIII", made, at + 32 + 32 * number, uuid.UUID(ids[name]).bytes_le, place, 8, 0, 0)
        struct.pack_into("<Q", made, at + place, GIB if name == "size" else flags << 32)
    return bytes(made)


@pytest.mark.parametrize(
    ("disk_format", "data", "size"),
    [
        ("vmdk", vmdk(), GIB),
        ("vmdk", vmdk(DESCRIPTION.replace("monolithicSparse", "streamOptimized"), version=3), GIB),
        ("vhd", dynamic_vhd(), GIB),
        ("vhd", fixed_vhd(), 1024),
        ("vdi", vdi(), GIB),
        ("vdi", vdi(kind=2), GIB),
        ("vhdx", vhdx(), GIB),
        ("iso", bytes(16 * 2048) + b"\x01CD001\x01", 16 * 2048 + 7),
    ],
)
def test_a_disk_that_is_one_file_tells_its_size(disk_format: str, data: bytes, size: int) -> None:
    assert seen(disk_format, data).virtual_size == size


@pytest.mark.parametrize("disk_format", ["vmdk", "vhd", "vhdx", "vdi", "iso"])
@pytest.mark.parametrize("data", [b"", b"QFI\xfb" + bytes(2048)])
def test_data_of_another_format_is_refused_as_that(disk_format: str, data: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        seen(disk_format, data)
    assert refused.value.code == "image-format"


@pytest.mark.parametrize(
    ("disk_format", "data", "words"),
    [
        ("vmdk", DESCRIPTION.replace("monolithicSparse", "monolithicFlat").encode(), "monolithicFlat"),
        ("vmdk", b"COWD".ljust(600, b"\0"), "an old one"),
        ("vmdk", vmdk(capacity=0), "no size"),
        ("vmdk", vmdk(at=0), "no description"),
        ("vmdk", vmdk(sectors=0), "no description"),
        ("vmdk", vmdk(at=1 << 20), "no description"),
        ("vmdk", vmdk(DESCRIPTION + 'parentFileNameHint="/etc/shadow"\n'), "as its parent"),
        ("vmdk", vmdk(DESCRIPTION.replace("ffffffff", "12345678")), "difference"),
        ("vmdk", vmdk(DESCRIPTION.replace("monolithicSparse", "vmfs")), "vmfs"),
        ("vmdk", vmdk(DESCRIPTION.replace("createType", "kind")), "not told"),
        ("vmdk", vmdk(DESCRIPTION + 'RW 8 FLAT "/dev/sda" 0\n'), "2 extents"),
        ("vhd", dynamic_vhd(4), "difference"),
        ("vhdx", vhdx(flags=0b10), "difference"),
        ("vhdx", vhdx(items=("parameters", "size", "parent")), "difference"),
        ("vdi", vdi(parent=b"x" * 16), "difference"),
    ],
)
def test_a_disk_that_needs_another_file_is_refused(disk_format: str, data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        seen(disk_format, data)
    assert refused.value.code == "image-not-standalone" and words in refused.value.detail


@pytest.mark.parametrize(
    ("disk_format", "data", "words"),
    [
        ("vmdk", b"KDMV", "cut off"),
        ("vmdk", vmdk(version=9), "version is 9"),
        ("vmdk", vmdk(grain=4), "4 sectors"),
        ("vmdk", vmdk(grain=24), "24 sectors"),
        ("vhd", dynamic_vhd(2), "type is 2"),
        ("vhd", fixed_vhd(size=1 << 20), "of which 1024 are there"),
        ("vhd", dynamic_vhd(cookie=b"nothing"), "second header"),
        ("vhdx", vhdx(regions=False), "no region of metadata"),
        ("vhdx", vhdx(items=("size",)), "no size of the disk"),
        ("vhdx", vhdx()[: 300 * 1024 + 0x1010], "cut off"),
        ("vdi", vdi(version=0x00010000), "version is 1.0"),
        ("vdi", vdi(kind=3), "type is 3"),
    ],
)
def test_a_header_that_is_odd_is_refused_with_its_reason(disk_format: str, data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        seen(disk_format, data)
    assert refused.value.code == "image-unfit" and words in refused.value.detail
