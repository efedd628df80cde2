"""How the fake kernel makes and removes virtual functions and mediated devices, with the refusals of the real one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.testing.machines import Machine


def set_vfs(machine: Machine, address: PciAddress, count: int, lose: Callable[[PciAddress], None]) -> None:
    """Enables `count` VFs of a PF that has none, or removes all for 0."""
    folder = machine.folder(address)
    if not count:
        _remove_vfs(machine, folder, lose)
        return
    if int((folder / "sriov_numvfs").read_text()):
        raise _refused("Device or resource busy")
    if count > int((folder / "sriov_totalvfs").read_text()):
        raise _refused("Numerical result out of range")
    ids = ":".join((folder / name).read_text().strip()[2:] for name in ("vendor", "device"))
    class_code = (folder / "class").read_text().strip()[2:]
    made = machine.root / "fake/made" / str(address)
    made.parent.mkdir(exist_ok=True)
    made.touch()
    for number in range(count):
        machine.vf(str(address), number, ids, group=_free_group(machine.root), class_code=class_code)


def forget_made(machine: Machine, lose: Callable[[PciAddress], None]) -> None:
    """Removes what no kernel keeps over a reboot: VFs that were made by `set_vfs`, and every mediated device."""
    for made in sorted((machine.root / "fake/made").glob("*")):
        _remove_vfs(machine, machine.folder(made.name), lose)
    for link in sorted((machine.root / "sys/bus/mdev/devices").glob("*")):
        remove_mdev(machine.root, link.resolve().parent, link.name)


def create_mdev(root: Path, folder: Path, type_id: str, uuid: str) -> None:
    """Makes a mediated device of a type of the parent whose folder this is."""
    available = folder / "mdev_supported_types" / type_id / "available_instances"
    if int(available.read_text()) == 0:
        raise _refused("No space left on device")
    if (root / "sys/bus/mdev/devices" / uuid).is_symlink():
        raise _refused("File exists")
    (folder / uuid).mkdir()
    (folder / uuid / "remove").write_text("")
    if type_id.startswith("nvidia-"):
        (folder / uuid / "nvidia").mkdir()
        (folder / uuid / "nvidia/placement_id").write_text("Not Applicable\n")
    group = root / "sys/kernel/iommu_groups" / str(_free_group(root))
    (group / "devices").mkdir(parents=True)
    (folder / uuid / "iommu_group").symlink_to(os.path.relpath(group.resolve(), (folder / uuid).resolve()))
    (available.parent / "devices" / uuid).symlink_to(f"../../../{uuid}")
    bus = root / "sys/bus/mdev/devices"
    bus.mkdir(parents=True, exist_ok=True)
    (bus / uuid).symlink_to(os.path.relpath(folder / uuid, bus))
    available.write_text(f"{int(available.read_text()) - 1}\n")


def remove_mdev(root: Path, folder: Path, uuid: str) -> None:
    """Removes a mediated device of the parent whose folder this is."""
    for link in folder.glob(f"mdev_supported_types/*/devices/{uuid}"):
        available = link.parents[1] / "available_instances"
        available.write_text(f"{int(available.read_text()) + 1}\n")
        link.unlink()
    (root / "sys/bus/mdev/devices" / uuid).unlink()
    shutil.rmtree((folder / uuid / "iommu_group").resolve())
    shutil.rmtree(folder / uuid)


def _remove_vfs(machine: Machine, folder: Path, lose: Callable[[PciAddress], None]) -> None:
    for link in sorted(folder.glob("virtfn*")):
        vf = PciAddress(os.path.basename(os.readlink(link)))  # noqa: PTH115, PTH119
        group = (machine.folder(vf) / "iommu_group").resolve()
        lose(vf)
        shutil.rmtree(group)
        link.unlink()
    (folder / "sriov_numvfs").write_text("0\n")
    kept = machine.root / "fake/made"
    (kept / folder.name).unlink(missing_ok=True)
    if kept.is_dir() and not any(kept.iterdir()):
        kept.rmdir()


def drop_mdevs(root: Path, address: PciAddress) -> None:
    """Removes the mediated devices of a parent, even those in use, as when a card falls off its bus."""
    folder = (root / "sys/bus/pci/devices" / str(address)).resolve()
    for link in sorted((root / "sys/bus/mdev/devices").glob("*")):
        if link.resolve().parent == folder:
            remove_mdev(root, folder, link.name)


def _free_group(root: Path) -> int:
    """A number that no group has, and none that a process still has open."""
    known = [int(path.name) for path in (root / "sys/kernel/iommu_groups").iterdir()]
    files = [os.readlink(link) for link in root.glob("proc/[0-9]*/fd/*")]  # noqa: PTH115
    known += [int(file.rpartition("/")[2]) for file in files if file.startswith("/dev/vfio/")]
    return 1 + max(known, default=0)


def _refused(words: str) -> HostError:
    return HostError("The kernel refused", detail=words, code="kernel-refused")
