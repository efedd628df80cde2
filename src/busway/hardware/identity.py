"""Measures what a guest could have rewritten in a device: parts of configuration space, the expansion ROM, the VPD.

Each is read by a child with a deadline: a device that hangs must not take the agent with it. The ROM is read while no driver
of the host uses the device. Sources: PCI Local Bus 3.0, 6.1 (the header), 6.3 (ROM), appendix I (VPD).
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.handover import Identity
from busway.hardware.scrub import wait_or_kill
from busway.hardware.tree import read_text

READ_SECONDS = 20.0
MAX_ROM = 16 * 1024**2
MAX_VPD = 32 * 1024
_IDS = ("vendor", "device", "subsystem_vendor", "subsystem_device", "revision", "class")
_CAPABILITIES, _STATUS, _HAS_LIST = 0x34, 0x06, 0x10
_LARGE, _END, _READ_ONLY = 0x80, 0x78, 0x90

# Reads a file: (the path, the most bytes, how long it may take in seconds); b"" for what can't be read.
Reader = Callable[[Path, int, float], bytes]


def measure_identity(root: Path, address: PciAddress, read: Reader | None = None) -> Identity | None:
    """What the device shows of itself now, None when the kernel does not show the device."""
    folder = root / "sys/bus/pci/devices" / str(address)
    ids = ":".join(read_text(str(folder / name)).removeprefix("0x") for name in _IDS)
    if not ids.strip(":"):
        return None
    reader = read or read_bounded
    vpd = reader(folder / "vpd", MAX_VPD, READ_SECONDS)
    return Identity(
        ids=ids,
        config=_digest(stable_config(reader(folder / "config", 256, READ_SECONDS))),
        rom=_digest(_read_rom(folder / "rom", reader)),
        vpd=_digest(vpd),
        firmware=firmware_version(vpd),
    )


def stable_config(config: bytes) -> bytes:
    """The parts of configuration space that neither a driver nor a reset changes: ids, header type, the capabilities' places."""
    if len(config) < 64:
        return b""
    found = bytearray(config[0x00:0x04] + config[0x08:0x0C] + config[0x0E:0x0F] + config[0x2C:0x30])
    place = config[_CAPABILITIES] & 0xFC if config[_STATUS] & _HAS_LIST else 0
    for _ in range(48):  # a list that bites its tail ends too
        if not 0x40 <= place < len(config) - 1:
            break
        found += bytes((place, config[place]))
        place = config[place + 1] & 0xFC
    return bytes(found)


def firmware_version(vpd: bytes) -> str:
    """The words of a device's VPD that tell a version: the keywords V0 to VZ and RM, and the EC level."""
    words = []
    for key, value in _keywords(vpd):
        if key in ("EC", "RM") or key.startswith("V"):
            words.append(f"{key}={value}")
    return " ".join(words)[:256]


def read_bounded(path: Path, most: int, seconds: float) -> bytes:
    """Reads the beginning of a file in a child that is killed when it takes too long."""
    if not path.exists():
        return b""
    command = ["head", "-c", str(most), str(path)]
    with tempfile.TemporaryFile() as found:
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=found, stderr=subprocess.DEVNULL)
        except OSError:
            return b""
        if not wait_or_kill(child, seconds) or child.returncode != 0:
            return b""
        found.seek(0)
        return found.read(most)


def _read_rom(path: Path, reader: Reader) -> bytes:
    """The kernel shows a ROM only after a 1 was written to its file, and until a 0 is."""
    if not path.exists():
        return b""
    try:
        path.write_text("1")
    except OSError:
        return b""
    try:
        return reader(path, MAX_ROM, READ_SECONDS)
    finally:
        with contextlib.suppress(OSError):
            path.write_text("0")


def _keywords(vpd: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while place + 3 <= len(vpd) and vpd[place] != _END:
        if not vpd[place] & _LARGE:
            place += 1 + (vpd[place] & 7)
            continue
        size = vpd[place + 1] | vpd[place + 2] << 8
        if vpd[place] == _READ_ONLY:
            found += _fields(vpd[place + 3 : place + 3 + size])
        place += 3 + size
    return found


def _fields(data: bytes) -> list[tuple[str, str]]:
    found, place = [], 0
    while place + 3 <= len(data):
        key, size = data[place : place + 2].decode("latin-1"), data[place + 2]
        value = data[place + 3 : place + 3 + size].decode("latin-1")
        found.append((key, "".join(letter for letter in value if letter.isprintable()).strip()))
        place += 3 + size
    return found


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""
