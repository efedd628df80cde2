"""What has a function now: its driver and its override. A verb reads them before it acts, to go back to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from busway.domain.address import PciAddress
from busway.hardware.slow_read import find_text_slowly
from busway.hardware.tree import link_name


@dataclass(frozen=True, slots=True)
class Binding:
    """The driver of a function (None for none) and its override ("" for none)."""

    address: PciAddress
    driver: str | None
    override: str = ""


def read_binding(root: Path, address: PciAddress) -> Binding:
    """Reads driver and override of a function."""
    return Binding(address, driver_of(root, address), read_override(device_folder(root, address)))


def device_folder(root: Path, address: PciAddress) -> str:
    """Where the kernel shows a function."""
    return f"{root}/sys/bus/pci/devices/{address}"


def driver_of(root: Path, address: PciAddress) -> str | None:
    """The driver that has the function now."""
    return link_name(f"{device_folder(root, address)}/driver")


def read_override(folder: str) -> str:
    """The driver_override of the function whose folder this is, "" for none; the kernel prints "(null)" then."""
    text = find_text_slowly(f"{folder}/driver_override") or ""
    return "" if text == "(null)" else text
