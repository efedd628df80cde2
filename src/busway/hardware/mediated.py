"""Mediated devices and vendor-specific vGPUs: the types that a function can be cut into."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.mdev import MdevParentSeen, MdevTypeSeen
from busway.domain.units.vgpu import VgpuFunction, vgpu_type_id
from busway.hardware.tree import find_number, find_text, link_name, list_names, parse_number, read_text

_PARENTS = "sys/class/mdev_bus"


@dataclass(frozen=True, slots=True)
class MdevType:
    """A type of `mdev_supported_types`: its id, the instances that can still be made, and those that exist (UUIDs)."""

    id: str
    name: str = ""
    available: int | None = None
    device_api: str = ""
    description: str = ""
    instances: tuple[str, ...] = ()

    @property
    def most(self) -> int | None:
        """How many of it the whole card takes, as NVIDIA's description says it."""
        found = re.search(r"\bmax_instance=([0-9]{1,4})\b", self.description, re.ASCII)
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class MdevParent:
    """A device that can be cut into mediated ones, by its name in /sys/class/mdev_bus.

    A PCI function's name there is its address. Some parents are no PCI function: the kernel's sample drivers (mtty,
    mdpy, mbochs), and the channels of mainframes.
    """

    name: str

    def __str__(self) -> str:
        return self.name


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
    unclear: str = ""  # why its list of types can't be understood, "" if it can


def read_mdev_parents(root: Path) -> tuple[MdevParent, ...]:
    """Lists the devices that can be cut into mediated ones now, PCI functions or not."""
    return tuple(map(MdevParent, list_names(f"{root}/{_PARENTS}")))


def see_mdev_parents(root: Path) -> tuple[MdevParentSeen, ...]:
    """All parents with their types, as an agent reports them; one whose types can't be read has none."""
    return tuple(_see(root, parent) for parent in read_mdev_parents(root))


def _see(root: Path, parent: MdevParent) -> MdevParentSeen:
    folder = mdev_folder(root, parent)
    types = (
        MdevTypeSeen(t.id, t.name, t.available, t.instances, t.device_api, t.most) for t in read_mdev_types(folder)
    )
    node = find_number(f"{folder}/numa_node")
    return MdevParentSeen(
        parent.name,
        tuple(types),
        node if node is not None and node >= 0 else None,
        card=link_name(f"{folder}/physfn") or "",
    )


def see_vgpu_function(folder: str, address: PciAddress, card: str) -> MdevParentSeen | None:
    """A VF with its vendor's vGPU files as an agent reports it: what it can become, and what it is."""
    vgpu = read_vendor_vgpu(folder)
    if vgpu is None:
        return None
    node = find_number(f"{folder}/numa_node")
    free = 1 if vgpu.current == 0 else 0
    types = {vgpu_type_id(kind.id): MdevTypeSeen(vgpu_type_id(kind.id), kind.name, free) for kind in vgpu.creatable}
    if vgpu.current:
        mine = vgpu_type_id(vgpu.current)
        types[mine] = replace(types.get(mine, MdevTypeSeen(mine, available=0)), instances=(str(address),))
    trouble = "what it is can't be read" if vgpu.current is None else "" if vgpu.current else vgpu.unclear
    return MdevParentSeen(
        str(address),
        tuple(types.values()),
        node if node is not None and node >= 0 else None,
        card=card,
        kind=VgpuFunction.kind,
        trouble=trouble,
    )


def mdev_folder(root: Path, parent: MdevParent | PciAddress) -> str:
    """Where the kernel shows a parent of mediated devices."""
    return f"{root}/sys/bus/pci/devices/{parent}" if isinstance(parent, PciAddress) else f"{root}/{_PARENTS}/{parent}"


def read_mdev_types(folder: str) -> tuple[MdevType, ...]:
    """Reads the mediated types of the device whose folder this is."""
    parent = f"{folder}/mdev_supported_types"
    return tuple(_read_type(f"{parent}/{name}", name) for name in list_names(parent))


def read_vendor_vgpu(folder: str) -> VendorVgpu | None:
    """Reads the vendor-specific vGPU files of the function whose folder this is; None when it has none."""
    names = list_names(f"{folder}/nvidia")
    if "creatable_vgpu_types" not in names and "current_vgpu_type" not in names:
        return None
    text = find_text(f"{folder}/nvidia/creatable_vgpu_types")
    types = _creatable(text or "")
    unclear = "its nvidia/creatable_vgpu_types can't be read" if text is None else ""
    if text and not types and _has_rows(text):
        unclear = f"its nvidia/creatable_vgpu_types can't be understood: {text.splitlines()[0][:80]}"
    return VendorVgpu(find_number(f"{folder}/nvidia/current_vgpu_type"), types, unclear)


def _creatable(text: str) -> tuple[VgpuType, ...]:
    """Reads rows such as "1155 : NVIDIA L40S-12Q"; a head says which column is which where there are more than two."""
    number, name = 0, 1
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(":")]
        words = [cell.lower() for cell in cells]
        if any(word.endswith("name") for word in words):
            number = next((n for n, word in enumerate(words) if word.endswith("id")), 0)
            name = next(n for n, word in enumerate(words) if word.endswith("name"))
        elif len(cells) > max(number, name) and (value := parse_number(cells[number])) and cells[name]:
            found.append(VgpuType(value, cells[name]))
    return tuple(found)


def _has_rows(text: str) -> bool:
    """True for more than a head: a card that is full shows the head alone."""
    rows = [line for line in text.splitlines() if line.strip()]
    return bool([row for row in rows if not row.strip().lower().endswith("name")])


def _read_type(folder: str, name: str) -> MdevType:
    return MdevType(
        id=name,
        name=read_text(f"{folder}/name"),
        available=find_number(f"{folder}/available_instances"),
        device_api=read_text(f"{folder}/device_api"),
        description=read_text(f"{folder}/description"),
        instances=tuple(list_names(f"{folder}/devices")),
    )
