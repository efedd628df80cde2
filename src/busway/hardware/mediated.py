"""Mediated devices and vendor-specific vGPUs: the types that a function can be cut into."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.mdev import MdevParentSeen, MdevTypeSeen
from busway.domain.units.vgpu import VgpuFunction, vgpu_type_id
from busway.hardware.slow_read import find_text_slowly, find_texts_slowly
from busway.hardware.tree import find_number, link_name, list_names, parse_number, read_text

PLACEMENT = "nvidia/placement_id"  # in the folder of a vGPU: where its frame buffer begins
_PARENTS = "sys/class/mdev_bus"
_FILES = ("name", "available_instances", "description")  # of a type: its driver makes them up when they are read


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
        type_id = vgpu_type_id(vgpu.current)
        types[type_id] = replace(types.get(type_id, MdevTypeSeen(type_id, available=0)), instances=(str(address),))
    trouble = (
        "what it is can't be read: its nvidia/current_vgpu_type fails or hangs"
        if vgpu.current is None
        else ""
        if vgpu.current
        else vgpu.unclear
    )
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
    names = list_names(parent)
    files = [f"{parent}/{name}/{file}" for name in names for file in _FILES]
    texts = find_texts_slowly(files, _card(folder)) if files else []
    return tuple(
        _read_type(f"{parent}/{name}", name, *texts[n * len(_FILES) : (n + 1) * len(_FILES)])
        for n, name in enumerate(names)
    )


def read_vendor_vgpu(folder: str) -> VendorVgpu | None:
    """Reads the vendor-specific vGPU files of the function whose folder this is; None when it has none."""
    names = list_names(f"{folder}/nvidia")
    if "creatable_vgpu_types" not in names and "current_vgpu_type" not in names:
        return None
    files = [f"{folder}/nvidia/{name}" for name in ("creatable_vgpu_types", "current_vgpu_type")]
    text, current = find_texts_slowly(files, _card(folder))
    types = _creatable(text or "")
    unclear = "its nvidia/creatable_vgpu_types can't be read" if text is None else ""
    if text and not types and _has_rows(text):
        unclear = f"its nvidia/creatable_vgpu_types can't be understood: {text.splitlines()[0][:80]}"
    return VendorVgpu(parse_number(current or ""), types, unclear)


def read_placement(folder: str) -> int | None:
    """Where the frame buffer begins of the vGPU whose folder this is, a VF's or a mediated device's."""
    return parse_number(find_text_slowly(f"{folder}/{PLACEMENT}", _card(folder)) or "")


def _card(folder: str) -> str:
    """What hangs as a whole when its driver does: the card of the function whose folder this is."""
    return link_name(f"{folder}/physfn") or folder.rpartition("/")[2]


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


def _read_type(folder: str, id_: str, name: str | None, available: str | None, description: str | None) -> MdevType:
    return MdevType(
        id=id_,
        name=name or "",
        available=parse_number(available or ""),
        device_api=read_text(f"{folder}/device_api"),
        description=description or "",
        instances=tuple(list_names(f"{folder}/devices")),
    )
