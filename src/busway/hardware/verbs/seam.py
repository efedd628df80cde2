"""The seam of the verbs: what is asked of a kernel beyond binding. `SysfsKernel` is the real side."""

from __future__ import annotations

from typing import Protocol

from busway.domain.address import PciAddress
from busway.hardware.kernel import KernelVerbs
from busway.hardware.mediated import MdevParent


class DeviceVerbs(KernelVerbs, Protocol):
    """`KernelVerbs` and two more; each raises `HostError` when it is refused or takes too long."""

    def load(self, driver: str) -> None:
        """Makes sure that a PCI driver is there."""

    def set(self, device: PciAddress | MdevParent, attribute: str, value: str) -> None:
        """Writes one file of the device's folder."""
