"""Reads what the scan keeps of each function, in as few system calls as the kernel's files allow.

`modalias` holds vendor, device, subsystem and class in one line; the five files of their own are read when it is
missing. The entry below bus/pci/devices is a link whose text names every bridge above the function.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind
from busway.hardware.function import Function
from busway.hardware.names import NameList
from busway.hardware.tree import find_link, link_name, parse_address, parse_addresses, parse_number, read_text

_MODALIAS = re.compile(
    r"pci:v0000([0-9A-F]{4})d0000([0-9A-F]{4})sv0000([0-9A-F]{4})sd0000([0-9A-F]{4})"
    r"(bc[0-9A-F]{2}sc[0-9A-F]{2}i[0-9A-F]{2})",
    re.ASCII,
)
_HOST_BRIDGE = re.compile(r"pci[0-9a-f]{4,8}:[0-9a-f]{2}", re.ASCII)
_Ids = tuple[str, str, str, str, str]  # vendor, product, subsystem vendor, subsystem, class


class Reader:
    """Reads functions of one tree; keeps the chains of bridges it has met, which neighbours share."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._devices = f"{root}/sys/bus/pci/devices"
        self._name_list = NameList.find(root)
        self._chains: dict[str, tuple[str, tuple[PciAddress, ...]]] = {}

    def read(self, address: PciAddress) -> Function | None:
        """Reads one function; None when the kernel does not show it."""
        folder = f"{self._devices}/{address}"
        ids = _ids(folder)
        if ids is None and not os.path.isdir(folder):  # noqa: PTH112
            return None
        vendor, product, sub_vendor, subsystem, class_code = ids or ("", "", "", "", "")
        host_bridge, bridges = self._chain(find_link(folder) or "")
        physical = link_name(f"{folder}/physfn")
        return Function(
            self._root,
            address,
            vendor,
            product,
            class_code,
            sub_vendor,
            subsystem,
            _hex(f"{folder}/revision", 2),
            link_name(f"{folder}/driver"),
            _group(folder),
            _numa_node(folder),
            _kind(folder, physical),
            parse_address(physical) if physical else None,
            bridges,
            host_bridge,
            self._name_list,
        )

    def _chain(self, target: str) -> tuple[str, tuple[PciAddress, ...]]:
        """The host bridge and the bridges that the path to a function leads through."""
        above = target.rpartition("/")[0]
        chain = self._chains.get(above)
        if chain is None:
            parts = above.split("/")
            roots = [index for index, part in enumerate(parts) if _HOST_BRIDGE.fullmatch(part)]
            below = parts[roots[-1] + 1 :] if roots else []
            chain = self._chains[above] = (parts[roots[-1]] if roots else "", tuple(parse_addresses(below)))
        return chain


def read_function(root: Path, address: PciAddress) -> Function | None:
    """Reads one function; None when the kernel does not show it."""
    return Reader(root).read(address)


def _ids(folder: str) -> _Ids | None:
    match = _MODALIAS.fullmatch(read_text(f"{folder}/modalias"))
    if match:
        vendor, product, sub_vendor, subsystem, class_code = match.groups()
        code = re.sub("[a-z]", "", class_code)
        return vendor.lower(), product.lower(), sub_vendor.lower(), subsystem.lower(), code.lower()
    found = (
        _hex(f"{folder}/vendor", 4),
        _hex(f"{folder}/device", 4),
        _hex(f"{folder}/subsystem_vendor", 4),
        _hex(f"{folder}/subsystem_device", 4),
        _hex(f"{folder}/class", 6),
    )
    return found if any(found) else None


def _hex(path: str, digits: int) -> str:
    match = re.fullmatch(rf"(?:0x)?([0-9a-f]{{{digits}}})", read_text(path).lower(), re.ASCII)
    return match[1] if match else ""


def _group(folder: str) -> int | None:
    number = parse_number(link_name(f"{folder}/iommu_group") or "")
    return None if number is None or number < 0 else number


def _numa_node(folder: str) -> int | None:
    node = parse_number(read_text(f"{folder}/numa_node"))
    return None if node is None or node < 0 else node


def _kind(folder: str, physical: str | None) -> DeviceKind:
    if physical:
        return DeviceKind.VF
    total = parse_number(read_text(f"{folder}/sriov_totalvfs"))
    return DeviceKind.PF if total is not None and total > 0 else DeviceKind.PCI
