"""The kind `fabric`: a partition of a host's NVLink switches, which joins the GPUs of one guest while it is active."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from busway.domain.ids import UnitName
from busway.domain.units.unit import Unit

_NAME = re.compile(r"partition-(?P<number>[0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FabricPartition(Unit):
    """A partition by the number that the fabric manager gives it, and the GPUs that it must join.

    Nothing of it is in a guest's definition: what it joins is. `gpus` is () in a record of which only the name can be read.
    """

    kind: ClassVar[str] = "fabric"
    is_attached: ClassVar[bool] = False

    number: int
    gpus: tuple[str, ...] = ()

    @property
    def name(self) -> UnitName:
        """Its number, in words."""
        return UnitName(f"partition-{self.number}")


def read_partition(name: str) -> int | None:
    """The number of the partition that has a name or unit; None for what is none."""
    match = _NAME.fullmatch(name)
    return int(match["number"]) if match else None
