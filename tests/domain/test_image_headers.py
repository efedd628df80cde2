"""The first bytes of an image: what makes a host open other files, or take terabytes, is refused."""

import struct
from typing import Any

import pytest

from busway.domain.errors import BadInput
from busway.domain.image import check_header
from busway.domain.qcow2 import HEADER_BYTES, MAGIC, read_qcow2

GIB = 1 << 30


def header(version: int = 3, **fields: Any) -> bytes:
    """A header of a disk of 1 GiB with these fields changed."""
    values = {
        "backing": 0,
        "bits": 16,
        "size": GIB,
        "encryption": 0,
        "l1": 2,
        "snapshots": 0,
        "features": 0,
        "order": 4,
    }
    values |= fields
    one = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(MAGIC, version, values["backing"], 0, values["bits"], values["size"], values["encryption"], values["l1"]),
        *(0, 0, 1, values["snapshots"], 0),
    )
    two = struct.pack(">QQQII", values["features"], 0, 0, values["order"], HEADER_BYTES)
    return one + two if version == 3 else one


@pytest.mark.parametrize("data", [header(), header(2), header(bits=9, size=GIB), header(features=0b1)])
def test_a_header_that_names_no_other_file_tells_the_size_of_the_disk(data: bytes) -> None:
    assert read_qcow2(data).unfit == ""
    assert check_header("qcow2", data, 7) == GIB


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (header(backing=200), "backing file"),
        (header(features=0b100), "another file on the host"),
    ],
)
def test_a_disk_that_depends_on_another_file_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match="depends on another file") as refused:
        check_header("qcow2", data, 7)
    assert words in refused.value.detail and refused.value.code == "image-not-standalone"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (MAGIC, "of at least 72"),
        (header()[:80], "of at least 104"),
        (header(4), "version is 4"),
        (header(encryption=1), "encrypted"),
        (header(bits=8), "2^8"),
        (header(bits=22), "2^22"),
        (header(snapshots=70_000), "70000 snapshots"),
        (header(l1=5 << 20), "no table"),
        (header(size=1 << 60), "no table"),
        (header(features=0b10), "corrupt"),
        (header(features=0b100000), "not known: 0x20"),
        (header(order=7), "2^7 bits"),
    ],
)
def test_a_header_that_qemu_should_not_see_is_refused_with_its_reason(data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_header("qcow2", data, 7)
    assert words in refused.value.detail and refused.value.code == "image-unfit"


@pytest.mark.parametrize(("disk_format", "data"), [("raw", header()), ("qcow2", b"\x00" * 200), ("qcow2", b"")])
def test_data_of_another_format_than_the_declared_one_is_refused(disk_format: str, data: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        check_header(disk_format, data, 7)
    assert refused.value.code == "image-format"


def test_a_raw_disk_is_as_large_as_its_file() -> None:
    assert check_header("raw", b"\x00" * 200, 7) == 7
    assert read_qcow2(b"raw").unfit
