"""IOMMU groups: the smallest sets of functions that the IOMMU can isolate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from busway.hardware.function import Function
from busway.hardware.tree import parse_hex, read_text


@dataclass(frozen=True, slots=True)
class ReservedRegion:
    """Addresses of a group that a guest's memory must keep clear of; both ends are inside.

    `kind` is the kernel's word: "msi", "reserved", "direct" (firmware uses it: an RMRR), "direct-relaxable".
    """

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class IommuGroup:
    """An IOMMU group with all its members; it travels whole.

    `type` is the kernel's word for how host drivers use it: "DMA", "DMA-FQ", "identity", "blocked"; "" is unknown.
    """

    number: int
    members: tuple[Function, ...]
    type: str = ""
    reserved: tuple[ReservedRegion, ...] = ()

    @property
    def endpoints(self) -> tuple[Function, ...]:
        """The members without the bridges, which are harmless."""
        return tuple(member for member in self.members if not member.is_bridge)


def read_group(root: Path, number: int, members: tuple[Function, ...]) -> IommuGroup:
    """Reads type and reserved regions of a group whose members are known."""
    folder = f"{root}/sys/kernel/iommu_groups/{number}"
    lines = read_text(f"{folder}/reserved_regions").splitlines()
    found = [_region(line) for line in lines]
    return IommuGroup(number, members, read_text(f"{folder}/type"), tuple(region for region in found if region))


def _region(line: str) -> ReservedRegion | None:
    parts = line.split()
    if len(parts) != 3:
        return None
    start, end = parse_hex(parts[0]), parse_hex(parts[1])
    return None if start is None or end is None else ReservedRegion(start, end, parts[2])
