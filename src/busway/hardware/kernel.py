"""The few verbs that Busway asks of the kernel: the seam `KernelVerbs` and its real side, `SysfsKernel`.

Only `driver_override` is used to choose a driver, never `new_id`: an id would take every twin of the device as well.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.holders import Holder, find_holders
from busway.hardware.mediated import MdevParent, mdev_folder
from busway.hardware.scan import device_folder
from busway.hardware.sysfs_write import write

__all__ = ["VFIO", "Holder", "KernelVerbs", "SysfsKernel", "find_holders"]

VFIO = "vfio-pci"


class KernelVerbs(Protocol):
    """What may be asked of a kernel; each verb raises `HostError` when it is refused or takes too long."""

    @property
    def root(self) -> Path:
        """The folder under which the kernel shows /sys and /proc."""

    def load_vfio(self) -> None:
        """Makes sure that the vfio-pci driver is loaded."""

    def override(self, address: PciAddress, driver: str) -> None:
        """Lets only `driver` bind to the device from now on; "" lifts that."""

    def unbind(self, address: PciAddress) -> None:
        """Takes the device from its driver; nothing happens when it has none."""

    def probe(self, address: PciAddress) -> None:
        """Asks the drivers who wants the device."""

    def reset(self, address: PciAddress) -> bool:
        """Resets the function; False when it has no reset method."""

    def holders(self, group: int) -> tuple[Holder, ...]:
        """Tells which processes have /dev/vfio/`group` open."""


class SysfsKernel:
    """The running kernel, through sysfs; `patience` is the limit of one write in seconds."""

    def __init__(self, root: Path = Path("/"), patience: float = 15.0) -> None:
        self.root = root
        self._patience = patience

    def load_vfio(self) -> None:
        """Loads vfio-pci unless it is there or built in."""
        self.load(VFIO)

    def load(self, driver: str) -> None:
        """Loads the module of a PCI driver, unless the driver is there or built in."""
        if not (self.root / "sys/bus/pci/drivers" / driver).is_dir():
            _modprobe(driver)

    def set(self, device: PciAddress | MdevParent, attribute: str, value: str) -> None:
        """Writes one file of the device's folder, such as `sriov_numvfs`."""
        write(Path(mdev_folder(self.root, device)) / attribute, value, self._patience)

    def override(self, address: PciAddress, driver: str) -> None:
        """Writes driver_override; an empty line clears it."""
        write(device_folder(self.root, address) / "driver_override", driver, self._patience)

    def unbind(self, address: PciAddress) -> None:
        """Writes the address to its driver's `unbind`."""
        driver = device_folder(self.root, address) / "driver"
        if driver.is_symlink():
            write(driver / "unbind", str(address), self._patience)

    def probe(self, address: PciAddress) -> None:
        """Writes the address to `drivers_probe`, which succeeds even when no driver takes it."""
        write(self.root / "sys/bus/pci/drivers_probe", str(address), self._patience)

    def reset(self, address: PciAddress) -> bool:
        """Writes 1 to `reset`; the kernel shows that file only for a function it knows how to reset."""
        path = device_folder(self.root, address) / "reset"
        if not path.exists():
            return False
        try:
            write(path, "1", self._patience)
        except HostError as error:
            if error.detail == "Inappropriate ioctl for device":  # ENOTTY: reset_method is empty
                return False
            raise
        return True

    def holders(self, group: int) -> tuple[Holder, ...]:
        """Looks through the open files of every process."""
        return find_holders(self.root, group)


def _modprobe(module: str) -> None:
    try:
        done = subprocess.run(["modprobe", module], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_loaded(module, str(error)) from error
    if done.returncode != 0:
        raise _not_loaded(module, done.stderr.strip())


def _not_loaded(module: str, words: str) -> HostError:
    return HostError(
        f"The kernel module {module} can't be loaded",
        detail=words,
        remedy=f"Install a kernel that has {module}, then run `modprobe {module}` by hand to see that it loads.",
        code="no-vfio",
    )
