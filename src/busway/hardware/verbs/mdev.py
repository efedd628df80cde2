"""Creates and removes mediated devices (mdev) of a parent: a PCI function, or any other device that offers types."""

from __future__ import annotations

import re
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.holders import Holder, read_open_files
from busway.hardware.mediated import (
    PLACEMENT,
    MdevParent,
    mdev_folder,
    read_mdev_parents,
    read_mdev_types,
    read_placement,
)
from busway.hardware.tree import link_name, list_names
from busway.hardware.undo import Undo
from busway.hardware.verbs.obstacle import Obstacle, absent, check_settled, failure_code, held, refuse
from busway.hardware.verbs.seam import DeviceVerbs
from busway.hardware.verbs.wait import wait_until

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DEVICES = "sys/bus/mdev/devices"
Parent = PciAddress | MdevParent


def preflight_mdev(verbs: DeviceVerbs, parent: Parent, type_id: str, uuid: str) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `create_mdev`; changes nothing."""
    if not _is_there(verbs.root, parent):
        return (absent(parent),)
    if not _UUID.fullmatch(uuid):
        return (Obstacle("invalid-uuid", f"'{uuid}' is no UUID", "", "Write it as lower-case 8-4-4-4-12 digits."),)
    types = {kind.id: kind for kind in read_mdev_types(mdev_folder(verbs.root, parent))}
    if type_id not in types:
        known = ", ".join(types) or "none"
        return (Obstacle("no-mdev-type", f"{parent} has no mdev type {type_id}", f"It has: {known}.", "Choose one."),)
    found = []
    if types[type_id].available == 0:
        words = "The types share the card: one of another type may have used the room up."
        brief = f"{parent} has no {type_id} left"
        found.append(Obstacle("mdev-exhausted", brief, words, "Remove an mdev, or use another card."))
    if _parent_of(verbs.root, uuid):
        brief = f"An mdev {uuid} exists already"
        found.append(Obstacle("mdev-exists", brief, f"On {_parent_of(verbs.root, uuid)}.", "Choose another UUID."))
    return tuple(found)


def create_mdev(verbs: DeviceVerbs, parent: Parent, type_id: str, uuid: str, *, patience: float = 20.0) -> None:
    """Creates a mediated device of a type and reads back that the kernel shows it."""
    refuse(preflight_mdev(verbs, parent, type_id, uuid))
    folder = mdev_folder(verbs.root, parent)
    with Undo() as undo:
        undo.add(lambda: _remove(verbs, parent, uuid, patience))
        try:
            check_settled(verbs, parent)
            verbs.set(parent, f"mdev_supported_types/{type_id}/create", uuid)
        except HostError as error:
            if error.code == "kernel-refused":  # nothing was made: one of this name is another's
                undo.keep()
            raise _failed(parent, uuid, "create", str(error), failure_code(error, "mdev-failed")) from error
        shown = f"{folder}/mdev_supported_types/{type_id}/devices"
        if not wait_until(lambda: uuid in list_names(shown), patience):
            raise _failed(parent, uuid, "create", f"After {patience:g} s the kernel does not show it.")
        undo.keep()


def place_mdev(verbs: DeviceVerbs, parent: Parent, uuid: str, start: int) -> None:
    """Tells the driver where on its card the frame buffer of an mdev begins, and reads it back; nobody may have it yet."""
    check_settled(verbs, parent)
    try:
        verbs.set(parent, f"{uuid}/{PLACEMENT}", str(start))
    except HostError as error:
        raise not_placed(f"mdev {uuid}", start, str(error), failure_code(error, "vgpu-placement")) from error
    if read_placement(f"{mdev_folder(verbs.root, parent)}/{uuid}") != start:
        raise not_placed(f"mdev {uuid}", start, "Its file placement_id does not show it.")


def not_placed(name: str, start: int, words: str, code: str = "vgpu-placement") -> HostError:
    """The driver does not put a vGPU where it was planned to lie."""
    return HostError(
        f"The vGPU of {name} can't begin at {start} of its card",
        detail=words,
        remedy="Look which vGPUs the card has (`nvidia-smi vgpu -q`), and whether it is in mixed-size mode.",
        code=code,
    )


def remove_mdev(verbs: DeviceVerbs, parent: Parent, uuid: str, *, patience: float = 20.0) -> None:
    """Removes a mediated device that nobody holds; one that is gone already counts as removed."""
    check_settled(verbs, parent)
    if uuid not in list_names(mdev_folder(verbs.root, parent)):
        return
    holders = _holders(verbs.root, parent, uuid)
    if holders:
        refuse((held(f"mdev {uuid}", holders),))
    _remove(verbs, parent, uuid, patience)


def _remove(verbs: DeviceVerbs, parent: Parent, uuid: str, patience: float) -> None:
    check_settled(verbs, parent)
    folder = mdev_folder(verbs.root, parent)
    if uuid not in list_names(folder):
        return
    try:
        verbs.set(parent, f"{uuid}/remove", "1")
    except HostError as error:
        raise _failed(parent, uuid, "remove", str(error), failure_code(error, "mdev-failed")) from error
    if not wait_until(lambda: uuid not in list_names(folder), patience):
        raise _failed(parent, uuid, "remove", f"After {patience:g} s it is still there.")


def _holders(root: Path, parent: Parent, uuid: str) -> tuple[Holder, ...]:
    """The processes that have the mdev's own group open."""
    group = link_name(f"{mdev_folder(root, parent)}/{uuid}/iommu_group")
    return read_open_files(root).by_path.get(f"/dev/vfio/{group}", ()) if group else ()


def _is_there(root: Path, parent: Parent) -> bool:
    """A name counts only when the kernel lists it, so that none can lead out of the folder."""
    return (
        parent in read_mdev_parents(root)
        if isinstance(parent, MdevParent)
        else bool(list_names(mdev_folder(root, parent)))
    )


def _parent_of(root: Path, uuid: str) -> str | None:
    path = root / _DEVICES / uuid
    return path.resolve().parent.name if path.is_symlink() else None


def _failed(parent: Parent, uuid: str, what: str, words: str, code: str = "mdev-failed") -> HostError:
    return HostError(
        f"The kernel did not {what} the mediated device {uuid} of {parent}",
        detail=words,
        remedy="Read `dmesg` and the log of the vendor's vGPU manager for their own reason.",
        code=code,
    )
