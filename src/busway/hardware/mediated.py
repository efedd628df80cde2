"""Mediated devices and vendor-specific vGPUs: the types that a function can be cut into."""

from __future__ import annotations

import re
from dataclasses import dataclass

from busway.hardware.tree import find_number, list_names, read_text


@dataclass(frozen=True, slots=True)
class MdevType:
    """A type of `mdev_supported_types`: its id, the instances that can still be made, and those that exist (UUIDs)."""

    id: str
    name: str = ""
    available: int | None = None
    device_api: str = ""
    description: str = ""
    instances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VgpuType:
    """A vGPU type of the vendor-specific VFIO framework (Linux 6.8 and later), by number and name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class VendorVgpu:
    """The `nvidia` folder of a VF: what it can become and what it is; `current` 0 is nothing, None unknown.

    A VF with this folder stays on its vendor's driver when it goes to a guest; vfio-pci would lose the vGPU.
    """

    current: int | None
    creatable: tuple[VgpuType, ...] = ()


def read_mdev_types(folder: str) -> tuple[MdevType, ...]:
    """Reads the mediated types of the function whose folder this is."""
    parent = f"{folder}/mdev_supported_types"
    return tuple(_read_type(f"{parent}/{name}", name) for name in list_names(parent))


def read_vendor_vgpu(folder: str) -> VendorVgpu | None:
    """Reads the vendor-specific vGPU files of the function whose folder this is; None when it has none."""
    names = list_names(f"{folder}/nvidia")
    if "creatable_vgpu_types" not in names and "current_vgpu_type" not in names:
        return None
    lines = read_text(f"{folder}/nvidia/creatable_vgpu_types").splitlines()
    found = [re.fullmatch(r"\s*([0-9]{1,9})\s*:\s*(\S.*?)\s*", line, re.ASCII) for line in lines]
    types = tuple(VgpuType(int(match[1]), match[2]) for match in found if match)
    return VendorVgpu(find_number(f"{folder}/nvidia/current_vgpu_type"), types)


def _read_type(folder: str, name: str) -> MdevType:
    return MdevType(
        id=name,
        name=read_text(f"{folder}/name"),
        available=find_number(f"{folder}/available_instances"),
        device_api=read_text(f"{folder}/device_api"),
        description=read_text(f"{folder}/description"),
        instances=tuple(list_names(f"{folder}/devices")),
    )
