"""Reads PCI functions as the small values that travel; whatever can't be read becomes unknown, and nothing here raises.

`busway.hardware.machine` has the rich view that these come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.hardware.function_read import read_function
from busway.hardware.machine import Machine
from busway.hardware.names import name_devices
from busway.hardware.tree import link_name, read_text

__all__ = ["device_folder", "groups", "link_name", "read_device", "read_text", "scan"]

_DEVICES = Path("sys/bus/pci/devices")


def device_folder(root: Path, address: PciAddress) -> Path:
    """Where the kernel shows this function."""
    return root / _DEVICES / str(address)


def scan(root: Path = Path("/")) -> tuple[PciDevice, ...]:
    """Reads every PCI function of the machine at `root`, in the order of their addresses.

    A function that vanishes meanwhile is left out; names come from the pci.ids under `root` when it has one.
    """
    return name_devices(root, [function.unnamed for function in Machine.read(root)])


def read_device(root: Path, address: PciAddress) -> PciDevice | None:
    """Reads one function without its names, or None when the kernel does not show it."""
    function = read_function(root, address)
    return function.unnamed if function else None


def groups(devices: Iterable[PciDevice]) -> dict[int, tuple[PciDevice, ...]]:
    """Sorts devices into their IOMMU groups; those without one are left out."""
    members: dict[int, list[PciDevice]] = {}
    for device in devices:
        if device.iommu_group is not None:
            members.setdefault(device.iommu_group, []).append(device)
    return {number: tuple(members[number]) for number in sorted(members)}
