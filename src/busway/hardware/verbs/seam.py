"""The seam to a kernel: the few verbs that Busway asks of it. `busway.hardware.kernel.SysfsKernel` is the real side."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from busway.domain.address import PciAddress
from busway.hardware.mediated import MdevParent


class DeviceVerbs(Protocol):
    """What may be asked of a kernel; each verb raises `HostError` when it is refused or takes too long.

    After `kernel-blocked` the kernel may still complete the write: `unfinished` says whether it has not come to it yet.
    """

    @property
    def root(self) -> Path:
        """The folder under which the kernel shows /sys and /proc."""

    def load(self, driver: str) -> None:
        """Makes sure that a PCI driver is there."""

    def override(self, address: PciAddress, driver: str) -> None:
        """Lets only `driver` bind to the device from now on; "" lifts that."""

    def unbind(self, address: PciAddress) -> None:
        """Takes the device from its driver; nothing happens when it has none."""

    def probe(self, address: PciAddress) -> None:
        """Asks the drivers to probe the device."""

    def reset(self, address: PciAddress) -> bool:
        """Resets the function; False when it has no reset method."""

    def set(self, device: PciAddress | MdevParent, attribute: str, value: str) -> None:
        """Writes one file of the device's folder."""

    def unfinished(self, device: PciAddress | MdevParent) -> tuple[int, ...]:
        """The processes whose writes for the device the kernel has blocked and not finished, by pid."""
