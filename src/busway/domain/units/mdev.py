"""The kind `mdev`: a mediated device, one instance of a type that its parent can be cut into (a vGPU, mostly)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from busway.domain.ids import UnitName
from busway.domain.units.unit import Unit
from busway.domain.vgpu import Vgpu

_UNIT = re.compile(r"(?P<type>.+):(?P<slot>[0-9]+)(?:/(?P<size>[0-9]+)(?:@(?P<start>[0-9]+))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mdev(Unit):
    """An instance by its UUID, which is the id of its claim; made when its server comes, removed when it goes.

    `parent` is its name in /sys/class/mdev_bus: a PCI address, or the name of a device that is no PCI function. Parent
    and type are "" in a record of which only the name can be read. `start` is where it must begin on a card of mixed
    sizes, None where that is the driver's choice.
    """

    kind: ClassVar[str] = "mdev"

    parent: str
    type_id: str
    uuid: str
    start: int | None = None

    @property
    def name(self) -> UnitName:
        """Its UUID."""
        return UnitName(self.uuid)


@dataclass(frozen=True, slots=True)
class Instance:
    """What of a parent a claim holds: the slot-th instance of a type, which two claims can't hold at once.

    `vgpu` is its place on a card that it shares with others, None for a type of which no size is known.
    """

    type_id: str
    slot: int
    vgpu: Vgpu | None = None

    def __str__(self) -> str:
        if self.vgpu is None:
            return f"{self.type_id}:{self.slot}"
        start = "" if self.vgpu.start is None else f"@{self.vgpu.start}"
        return f"{self.type_id}:{self.slot}/{self.vgpu.size}{start}"


def read_unit(text: str) -> Instance:
    """The instance that a claim's unit stands for."""
    match = _UNIT.fullmatch(text)
    assert match is not None, text
    start = None if match["start"] is None else int(match["start"])
    vgpu = None if match["size"] is None else Vgpu(int(match["size"]), start)
    return Instance(match["type"], int(match["slot"]), vgpu)
