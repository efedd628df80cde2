"""The kind `vgpu`: a virtual function that its vendor's driver makes a vGPU (the vendor-specific VFIO way of Linux 6.8 on).

The function stays on its vendor's driver while a guest has it; what it is, is written into its file `current_vgpu_type`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.domain.address import PciAddress
from busway.domain.ids import UnitName
from busway.domain.units.unit import Unit

_PREFIX = "nvidia-"  # the ids of types are those that the same types have as mediated devices


@dataclass(frozen=True, slots=True)
class VgpuFunction(Unit):
    """A virtual function, the ids that must be found at its address, and the type that it must have.

    `start` is where its frame buffer must begin on a card of mixed sizes, None where that is the driver's choice.
    """

    kind: ClassVar[str] = "vgpu"

    address: PciAddress
    vendor_id: str
    product_id: str
    type_id: str
    start: int | None = None

    @property
    def name(self) -> UnitName:
        """Its address, as Linux writes it."""
        return UnitName(str(self.address))

    @property
    def number(self) -> int:
        """The type as its driver counts it; 0, which is no type, for one that is none of its driver's."""
        digits = self.type_id.removeprefix(_PREFIX)
        return int(digits) if digits.isascii() and digits.isdigit() else 0


def vgpu_type_id(number: int) -> str:
    """The id of a type by its driver's number."""
    return f"{_PREFIX}{number}"
