"""A fake kernel that also makes VFs and mediated devices and chooses reset methods, as the real one does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.mediated import MdevParent, mdev_folder
from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine


class DeviceKernel(FakeKernel):
    """`FakeKernel` with `load` and `set`; refusals and hangs of a `set` are told by its attribute ("set sriov_numvfs").

    `ignore` makes a verb end well and do nothing, which only a read-back can see.
    """

    def __init__(self, machine: Machine, on_verb: Callable[[str, str], None] = lambda _verb, _address: None) -> None:
        super().__init__(machine.root, on_verb)
        self._machine = machine
        self._ignored: set[tuple[str, str]] = set()
        self._methods: dict[str, str] = {}

    def ignore(self, verb: str, address: PciAddress | MdevParent) -> None:
        """Makes a verb on a device succeed without any effect."""
        self._ignored.add((verb, str(address)))

    def load(self, driver: str) -> None:
        """Makes the driver's folder."""
        self._before("load", driver)
        (self.root / "sys/bus/pci/drivers" / driver).mkdir(exist_ok=True)

    def probe(self, address: PciAddress) -> None:
        """Attaches a driver, unless told to ignore it."""
        if ("probe", str(address)) not in self._ignored:
            super().probe(address)

    def set(self, device: PciAddress | MdevParent, attribute: str, value: str) -> None:
        """Reacts as the kernel does to the attributes it knows; others are kept as written."""
        verb = f"set {attribute}"
        self._before(verb, str(device))
        folder = self._folder(device) if isinstance(device, PciAddress) else Path(mdev_folder(self.root, device))
        if (verb, str(device)) in self._ignored:
            return
        if attribute.endswith("/create"):
            self._create_mdev(folder.resolve(), attribute.split("/")[1], value)
        elif attribute.endswith("/remove"):
            self._remove_mdev(folder.resolve(), attribute.removesuffix("/remove"))
        elif attribute == "sriov_numvfs" and isinstance(device, PciAddress):
            self._set_vfs(device, int(value))
        elif attribute == "reset_method" and isinstance(device, PciAddress):
            self._set_method(device, value)
        else:
            (folder / attribute).write_text(f"{value}\n")

    def _set_vfs(self, address: PciAddress, count: int) -> None:
        folder = self._folder(address)
        now = int((folder / "sriov_numvfs").read_text())
        if count and now:
            raise _refused("Device or resource busy")
        if count > int((folder / "sriov_totalvfs").read_text()):
            raise _refused("Numerical result out of range")
        if not count:
            self._remove_vfs(address)
            return
        ids = ":".join((folder / name).read_text().strip()[2:] for name in ("vendor", "device"))
        for number in range(count):
            self._machine.vf(str(address), number, ids, group=self._free_group())

    def _remove_vfs(self, address: PciAddress) -> None:
        folder = self._folder(address)
        for link in sorted(folder.glob("virtfn*")):
            vf = PciAddress(os.path.basename(os.readlink(link)))  # noqa: PTH115, PTH119
            group = (self._folder(vf) / "iommu_group").resolve()
            self.lose(vf)
            shutil.rmtree(group)
            link.unlink()
        (folder / "sriov_numvfs").write_text("0\n")

    def _free_group(self) -> int:
        return 1 + max((int(path.name) for path in (self.root / "sys/kernel/iommu_groups").iterdir()), default=0)

    def _set_method(self, address: PciAddress, value: str) -> None:
        path = self._folder(address) / "reset_method"
        known = self._methods.setdefault(str(address), path.read_text().strip())
        if value != "default" and not set(value.split()) <= set(known.split()):
            raise _refused("Invalid argument")
        path.write_text(f"{known if value == 'default' else value}\n")

    def _create_mdev(self, folder: Path, type_id: str, uuid: str) -> None:
        available = folder / "mdev_supported_types" / type_id / "available_instances"
        if int(available.read_text()) == 0:
            raise _refused("No space left on device")
        if (self.root / "sys/bus/mdev/devices" / uuid).is_symlink():
            raise _refused("File exists")
        (folder / uuid).mkdir()
        (folder / uuid / "remove").write_text("")
        (available.parent / "devices" / uuid).symlink_to(f"../../../{uuid}")
        bus = self.root / "sys/bus/mdev/devices"
        bus.mkdir(parents=True, exist_ok=True)
        (bus / uuid).symlink_to(os.path.relpath(folder / uuid, bus))
        available.write_text(f"{int(available.read_text()) - 1}\n")

    def _remove_mdev(self, folder: Path, uuid: str) -> None:
        for link in folder.glob(f"mdev_supported_types/*/devices/{uuid}"):
            available = link.parents[1] / "available_instances"
            available.write_text(f"{int(available.read_text()) + 1}\n")
            link.unlink()
        (self.root / "sys/bus/mdev/devices" / uuid).unlink()
        shutil.rmtree(folder / uuid)


def _refused(words: str) -> HostError:
    return HostError("The kernel refused", detail=words, code="kernel-refused")
