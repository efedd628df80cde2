"""The kind `mdev`: a mediated device, one instance of a type that its parent can be cut into (a vGPU, mostly)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.domain.ids import UnitName
from busway.domain.units.unit import Unit


@dataclass(frozen=True, slots=True)
class Mdev(Unit):
    """An instance by its UUID, which is the id of its claim; made when its server comes, removed when it goes.

    `parent` is its name in /sys/class/mdev_bus: a PCI address, or the name of a device that is no PCI function. Parent
    and type are "" in a record of which only the name can be read.
    """

    kind: ClassVar[str] = "mdev"

    parent: str
    type_id: str
    uuid: str

    @property
    def name(self) -> UnitName:
        """Its UUID."""
        return UnitName(self.uuid)


def unit_text(type_id: str, slot: int) -> str:
    """What of a parent a claim holds: the slot-th instance of a type, which two claims can't hold at once."""
    return f"{type_id}:{slot}"


def read_unit(text: str) -> tuple[str, int]:
    """The type and the slot of a claim's unit."""
    type_id, _, slot = text.rpartition(":")
    return type_id, int(slot)
