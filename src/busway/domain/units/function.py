"""The kind `function`: a whole PCI function, on vfio-pci or a variant driver while a guest has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from busway.domain.address import PciAddress
from busway.domain.ids import UnitName
from busway.domain.units.unit import Unit

# The unit of a device that is claimed as a whole.
WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class WholeFunction(Unit):
    """A function, and the ids that must be found at its address before it is touched.

    The ids are "" in records of an agent that kept none. One that is not `managed` is on a VFIO driver by its
    operator's doing, and its driver is left alone.
    """

    kind: ClassVar[str] = "function"

    address: PciAddress
    vendor_id: str = ""
    product_id: str = ""
    managed: bool = True

    @property
    def name(self) -> UnitName:
        """Its address, as Linux writes it."""
        return UnitName(str(self.address))

    @property
    def is_managed(self) -> bool:
        """True unless a device spec says `managed: no`."""
        return self.managed


def card_of(unit: Unit, others: Iterable[Unit]) -> str:
    """Which card of the guest a unit belongs to: that of its host slot if function 0 of it is given too, else its own."""
    if not isinstance(unit, WholeFunction):
        return unit.name
    slot = unit.address.slot_name
    functions = (other.address for other in others if isinstance(other, WholeFunction))
    return slot if any(each.slot_name == slot and each.function == 0 for each in functions) else unit.name
