"""A card that is shared by vGPUs: what its types are by name, which sizes are on it, and where each lies."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from busway.domain.vgpu_layouts import LAYOUTS

_NAME = re.compile(
    r"(?:.* )?(?P<model>[A-Za-z0-9]+)-(?:(?P<slices>[1-7])-)?(?P<size>[1-9][0-9]{0,2})(?P<rest>[QBCA]\w*)"
)


class SizeMode(StrEnum):
    """Whether a card's vGPUs all have one size of frame buffer, or may have several."""

    EQUAL = "equal"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class VgpuName:
    """What the name of an NVIDIA vGPU type says; `slices` is that of a MIG instance, 0 for a time-sliced type."""

    model: str
    size: int  # GB of frame buffer
    slices: int = 0

    @property
    def is_mig(self) -> bool:
        """True for a type that lies on a GPU instance of its own."""
        return bool(self.slices)


def read_vgpu_name(name: str) -> VgpuName | None:
    """Reads "NVIDIA L40S-12Q" or "GRID A100-4-20C"; None for a name that is no NVIDIA type's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return VgpuName(match["model"], int(match["size"]), int(match["slices"] or 0))


@dataclass(frozen=True, slots=True, order=True)
class Vgpu:
    """A vGPU on a card: its size in GB, and where it begins; None where nobody has chosen, as in equal-size mode."""

    size: int
    start: int | None = None

    def __str__(self) -> str:
        return f"{self.size} GB" if self.start is None else f"{self.size} GB from {self.start}"


@dataclass(frozen=True, slots=True)
class SharedCard:
    """A card by its name on its host, with the vGPUs that are on it or are to be made for claims.

    `limits` are how many of a size it takes in equal-size mode, where its host or operator says so.
    """

    name: str
    model: str
    mode: SizeMode = SizeMode.EQUAL
    held: tuple[Vgpu, ...] = ()
    limits: tuple[tuple[int, int], ...] = ()

    @property
    def capacity(self) -> int | None:
        """GB of frame buffer; None for a model that no table names."""
        known = LAYOUTS.get(self.model)
        return known[0] if known else None

    def most(self, size: int) -> int | None:
        """How many of a size it takes in equal-size mode; None where nobody knows."""
        limit = dict(self.limits).get(size)
        return limit if limit is not None or self.capacity is None else self.capacity // size

    def starts(self, size: int) -> tuple[int, ...]:
        """Where a vGPU of a size may begin in mixed-size mode; nowhere for a size that the table lacks."""
        known = LAYOUTS.get(self.model)
        return known[1].get(size, ()) if known else ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of its table, the largest first."""
        known = LAYOUTS.get(self.model)
        return tuple(sorted(known[1], reverse=True)) if known else ()

    def having(self, *more: Vgpu) -> SharedCard:
        """The card with more vGPUs on it."""
        return replace(self, held=tuple(sorted((*self.held, *more), key=lambda each: (each.size, each.start or 0))))
