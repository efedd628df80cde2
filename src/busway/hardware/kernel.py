"""The running kernel through sysfs: the real side of the seam `busway.hardware.verbs.DeviceVerbs`.

Only `driver_override` is used to choose a driver, never `new_id`: an id would take every twin of the device as well.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.binding import device_folder
from busway.hardware.child import run_child
from busway.hardware.mediated import MdevParent, mdev_folder
from busway.hardware.sysfs_write import find_writers, write

VFIO = "vfio-pci"
_LOAD_SECONDS = 60.0


class SysfsKernel:
    """The verbs on sysfs; `patience` is the limit of one write in seconds."""

    def __init__(self, root: Path = Path("/"), patience: float = 15.0) -> None:
        self.root = root
        self._patience = patience

    def load(self, driver: str) -> None:
        """Loads the module of a PCI driver, unless the driver is there or built in."""
        if not (self.root / "sys/bus/pci/drivers" / driver).is_dir():
            _modprobe(driver)

    def set(self, device: PciAddress | MdevParent, attribute: str, value: str) -> None:
        """Writes one file of the device's folder, such as `sriov_numvfs`."""
        self._write(f"{mdev_folder(self.root, device)}/{attribute}", value, device)

    def override(self, address: PciAddress, driver: str) -> None:
        """Writes driver_override; an empty line clears it."""
        self._write(f"{device_folder(self.root, address)}/driver_override", driver, address)

    def unbind(self, address: PciAddress) -> None:
        """Writes the address to its driver's `unbind`."""
        driver = Path(device_folder(self.root, address)) / "driver"
        if driver.is_symlink():
            self._write(f"{driver}/unbind", str(address), address)

    def probe(self, address: PciAddress) -> None:
        """Writes the address to `drivers_probe`, which succeeds even when no driver takes it."""
        self._write(f"{self.root}/sys/bus/pci/drivers_probe", str(address), address)

    def reset(self, address: PciAddress) -> bool:
        """Writes 1 to `reset`; the kernel shows that file only for a function it knows how to reset."""
        path = Path(device_folder(self.root, address)) / "reset"
        if not path.exists():
            return False
        try:
            self._write(str(path), "1", address)
        except HostError as error:
            if error.detail == "Inappropriate ioctl for device":  # ENOTTY: reset_method is empty
                return False
            raise
        return True

    def unfinished(self, device: PciAddress | MdevParent) -> tuple[int, ...]:
        """Finds the children that still write for the device; those of an agent that has ended count as well."""
        return find_writers(str(device))

    def _write(self, path: str, value: str, device: PciAddress | MdevParent) -> None:
        write(Path(path), value, self._patience, str(device))


def _modprobe(module: str) -> None:
    try:
        ended = run_child(["modprobe", module], _LOAD_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_loaded(module, str(error)) from error
    if ended.status != 0:
        raise _not_loaded(module, ended.words)


def _not_loaded(module: str, words: str) -> HostError:
    return HostError(
        f"The kernel module {module} can't be loaded",
        detail=words,
        remedy=f"Install a kernel that has {module}, then run `modprobe {module}` by hand to check that it loads.",
        code="no-vfio",
    )
