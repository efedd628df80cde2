"""A mediated device: made of its parent when a server comes, removed when it goes; no kernel keeps one over a reboot."""

from __future__ import annotations

from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.domain.units import Mdev
from busway.hardware.mediated import MdevParent, mdev_folder, read_mdev_types, read_placement
from busway.hardware.tree import list_names
from busway.hardware.undo import Undo
from busway.hardware.verbs.mdev import create_mdev, place_mdev, preflight_mdev, remove_mdev
from busway.hardware.verbs.obstacle import Obstacle, check_settled
from busway.hardware.verbs.seam import DeviceVerbs

_DEVICES = "sys/bus/mdev/devices"


def preflight(verbs: DeviceVerbs, unit: Mdev) -> tuple[Obstacle, ...]:
    """Tells everything that would refuse `take`; changes nothing."""
    if is_there(verbs.root, unit):
        return ()
    return preflight_mdev(verbs, parent_of(unit), unit.type_id, unit.uuid)


def take(verbs: DeviceVerbs, unit: Mdev, *, patience: float = 20.0) -> None:
    """Makes the device and puts it where it must lie; one that is there already stays as it is.

    One that can't be put there is removed again, unless it was there before.
    """
    with Undo() as undo:
        if not is_there(verbs.root, unit):
            create_mdev(verbs, parent_of(unit), unit.type_id, unit.uuid, patience=patience)
            undo.add(lambda: remove_mdev(verbs, parent_of(unit), unit.uuid, patience=patience))
        if not is_placed(verbs.root, unit):
            assert unit.start is not None
            place_mdev(verbs, parent_of(unit), unit.uuid, unit.start)
        undo.keep()


def is_placed(root: Path, unit: Mdev) -> bool:
    """True when the device lies where it must, or may lie anywhere."""
    return unit.start is None or read_placement(f"{root}/{_DEVICES}/{unit.uuid}") == unit.start


def list_ready(root: Path) -> tuple[str, ...]:
    """The mediated devices that are there, by UUID."""
    return tuple(list_names(f"{root}/{_DEVICES}"))


def is_there(root: Path, unit: Mdev) -> bool:
    """True when the very device is there: of this parent, and of this type."""
    types = read_mdev_types(mdev_folder(root, parent_of(unit)))
    return any(kind.id == unit.type_id and unit.uuid in kind.instances for kind in types)


def give_back(verbs: DeviceVerbs, unit: Mdev, *, patience: float = 20.0) -> bool:
    """Removes the device, which is refused while a process has it; False for one that was gone already.

    Of a record that tells no parent the device is looked for by its UUID.
    """
    parent = parent_of(unit) if unit.parent else _parent_of(verbs.root, unit.uuid)
    if parent is None:
        return False
    check_settled(verbs, parent)  # the kernel may still make it
    if unit.uuid not in list_ready(verbs.root):
        return False
    remove_mdev(verbs, parent, unit.uuid, patience=patience)
    if unit.uuid in list_ready(verbs.root):
        raise HostError(
            f"The mediated device {unit.uuid} still exists",
            detail=f"It does not belong to {parent}, where it should be created.",
            remedy="Find out who created it (`mdevctl list`) and remove it by hand; the agent retries automatically.",
            code="mdev-failed",
        )
    return True


def parent_of(unit: Mdev) -> PciAddress | MdevParent:
    """The parent by its address, or by its name if it is no PCI function."""
    try:
        return PciAddress(unit.parent)
    except BadInput:
        return MdevParent(unit.parent)


def _parent_of(root: Path, uuid: str) -> PciAddress | MdevParent | None:
    path = root / _DEVICES / uuid
    return parent_of(Mdev(path.resolve().parent.name, "", uuid)) if path.is_symlink() else None
