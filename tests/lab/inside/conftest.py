"""Fixtures of the tests that run inside a lab host: `tests/lab/test_inside.py` starts pytest there and reads what it says.

Python needs seconds to start in an emulated machine, so one process runs them all. Elsewhere they are not collected.
"""

# ruff: noqa: PTH112, PTH115, PTH208

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from busway.domain.address import PciAddress
from busway.hardware import Card, Machine, SysfsKernel

collect_ignore_glob = [] if os.environ.get("BUSWAY_INSIDE_LAB") else ["*"]

Picture = dict[str, object]
_DEVICES, _DRIVERS = "/sys/bus/pci/devices", "/sys/bus/pci/drivers/"
# Write-only, memory of the device, or a number that a driver draws anew each time it binds.
_LEFT_OUT = ("remove", "rescan", "reset", "resource", "config", "rom", "irq", "uevent", "power_state")
_WHOLE = ("reset_method", "resource")


def _picture() -> Picture:
    """What the kernel shows of every PCI function, of drivers, groups and mediated devices.

    Plain `os` calls: in an emulated machine `pathlib` would double the time of every test.
    """
    found: Picture = {}
    for address in sorted(os.listdir(_DEVICES)):
        with os.scandir(f"{_DEVICES}/{address}") as entries:
            found |= {f"{address}/{entry.name}": _look(entry) for entry in entries}
    for folder in (*map(_DRIVERS.__add__, os.listdir(_DRIVERS)), "/sys/bus/mdev/devices"):
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        found[folder] = [name for name in names if ":" in name or len(name) == 36]
    found["groups"] = sorted(os.listdir("/sys/kernel/iommu_groups"))
    return {name: value for name, value in found.items() if value not in (None, [])}


def _look(entry: os.DirEntry[str]) -> object:
    if entry.is_symlink():
        return os.readlink(entry.path)
    if entry.is_dir():
        return sorted(os.listdir(entry.path)) if entry.name in ("drm", "sound", "nvme") else None
    if entry.name not in _WHOLE and entry.name.startswith(_LEFT_OUT):
        return None
    try:
        handle = os.open(entry.path, os.O_RDONLY)
    except OSError as error:
        return error.errno
    try:
        return os.read(handle, 8192)
    except OSError as error:
        return error.errno
    finally:
        os.close(handle)


@pytest.fixture
def picture() -> Callable[[], Picture]:
    return _picture


@pytest.fixture(scope="session")
def last() -> list[Picture]:
    """The picture that the test before has left."""
    return [_picture()]


@pytest.fixture(autouse=True)
def untouched(last: list[Picture]) -> Iterator[None]:
    """Every test leaves the kernel's tree as it found it, whatever it did or was refused."""
    yield
    before, after = last[-1], _picture()
    last[:] = [after]
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert {name: (before.get(name), after.get(name)) for name in sorted(changed)} == {}


@pytest.fixture
def verbs() -> SysfsKernel:
    return SysfsKernel()


def _with(ids: str, *, cards: int | None = None) -> list[Card]:
    vendor, product = ids.split(":")
    found = [
        card for card in Machine.read().cards
        if any((one.vendor_id, one.product_id) == (vendor, product) for one in card.functions)
    ]  # fmt: skip
    assert cards is None or len(found) == cards
    return found


@pytest.fixture(scope="session")
def gpu() -> PciAddress:
    """A GPU that is alone in its group, with the host driver bochs-drm."""
    card = next(card for card in _with("1234:1111") if not card.foreign)
    assert card.main.driver == "bochs-drm"
    return card.main.address


@pytest.fixture(scope="session")
def pair() -> Card:
    """A card of two functions: a picture without a driver, and audio with snd_hda_intel."""
    (card,) = _with("8086:2668", cards=1)
    assert [one.driver for one in card.functions] == [None, "snd_hda_intel"]
    return card


@pytest.fixture(scope="session")
def virtio_gpu() -> PciAddress:
    """A GPU with three methods of reset."""
    return _with("1af4:1050", cards=1)[0].main.address


@pytest.fixture(scope="session")
def nvme() -> PciAddress:
    """An NVMe controller that can have four virtual functions."""
    return _with("1b36:0010", cards=1)[0].main.address


@pytest.fixture(scope="session")
def bridged() -> tuple[PciAddress, PciAddress]:
    """A GPU with its host driver, and a device without one, behind one conventional bridge: one group."""
    (edu,) = _with("1234:11e8", cards=1)
    (other,) = edu.foreign
    assert (other.driver, edu.main.driver) == ("bochs-drm", None)
    return other.address, edu.main.address
