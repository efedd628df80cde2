"""What is measured of a device between two servers."""

from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.hardware.identity import firmware_version, measure_identity, read_bounded, stable_config
from busway.testing.machines import Machine

CONFIG = bytearray(256)
CONFIG[0:4], CONFIG[8:12], CONFIG[0x2C:0x30] = b"\xde\x10\x30\x23", b"\xa1\x00\x02\x03", b"\xde\x10\x13\x16"
CONFIG[6], CONFIG[0x34], CONFIG[0x40:0x42], CONFIG[0x60:0x62] = 0x10, 0x40, b"\x01\x60", b"\x10\x00"


def vpd(**words: str) -> bytes:
    fields = b"".join(key.encode() + bytes([len(value)]) + value.encode() for key, value in words.items())
    name = b"A GPU"
    return (
        b"\x82"
        + len(name).to_bytes(2, "little")
        + name
        + b"\x90"
        + len(fields).to_bytes(2, "little")
        + fields
        + b"\x78"
    )


@pytest.fixture
def device(tmp_path: Path) -> tuple[Path, PciAddress]:
    address = Machine(tmp_path).gpu("0000:41:00.0", group=10)
    folder = tmp_path / "sys/bus/pci/devices" / str(address)
    (folder / "config").write_bytes(CONFIG)
    (folder / "rom").write_bytes(b"the ROM")
    (folder / "vpd").write_bytes(vpd(PN="900-21010", EC="A1", V1="96.00.74"))
    return tmp_path, address


def test_a_device_that_nobody_touched_is_the_same_twice(device: tuple[Path, PciAddress]) -> None:
    read = lambda path, most, _seconds: b"the ROM" if path.name == "rom" else path.read_bytes()[:most]  # noqa: E731

    first = measure_identity(*device, read)

    assert first == measure_identity(*device, read)
    assert first is not None
    assert first.ids.startswith("10de:20b5")
    assert first.firmware == "EC=A1 V1=96.00.74"
    assert all((first.config, first.rom, first.vpd))


def test_what_drivers_and_resets_change_does_not_count(device: tuple[Path, PciAddress]) -> None:
    root, address = device
    before = measure_identity(root, address)
    changed = bytearray(CONFIG)
    changed[4:6], changed[0x10:0x14], changed[0x3C] = (
        b"\x06\x04",
        b"\x00\x00\x00\xfa",
        11,
    )  # command, a BAR, the interrupt

    (root / "sys/bus/pci/devices" / str(address) / "config").write_bytes(changed)

    after = measure_identity(root, address)
    assert after is not None and before is not None
    assert after.config == before.config != ""


@pytest.mark.parametrize("place", [0, 0x0E, 0x2C, 0x34, 0x40])
def test_a_rewritten_part_of_configuration_space_counts(place: int) -> None:
    changed = bytearray(CONFIG)
    changed[place] ^= 0x44

    assert stable_config(bytes(changed)) != stable_config(bytes(CONFIG))


@pytest.mark.parametrize("data", [b"", b"\xff" * 64, b"\x90\xff\xff", bytes(CONFIG[:40]), vpd(V1="x")[:9]])
def test_nonsense_is_read_without_harm(data: bytes) -> None:
    stable_config(data)
    firmware_version(data)


def test_a_list_of_capabilities_that_bites_its_tail_ends() -> None:
    changed = bytearray(CONFIG)
    changed[0x61] = 0x40

    assert stable_config(bytes(changed))


def test_a_device_that_is_not_there_has_no_identity(device: tuple[Path, PciAddress]) -> None:
    assert measure_identity(device[0], PciAddress("0000:99:00.0")) is None


def test_a_file_that_never_answers_costs_its_deadline_and_no_more(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "vpd")

    assert read_bounded(tmp_path / "vpd", 16, 0.2) == b""
