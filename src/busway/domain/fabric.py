"""The NVLink fabric of a host: which sets of its GPUs its switches can join, as its fabric manager lists them.

A guest with several GPUs reaches them by NVLink if they are one partition, which is activated before it boots. A GPU is of
one active partition at a time. A host's fabric is a provider of its own, whose units are its partitions.
"""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.mdev import MdevParentSeen, MdevTypeSeen
from busway.domain.units.fabric import FabricPartition

FABRIC = "fabric"  # its name among the providers of its host


@dataclass(frozen=True, slots=True)
class Fabric:
    """The partitions of a host's GPUs, by their numbers."""

    partitions: tuple[FabricPartition, ...] = ()

    def seen(self) -> MdevParentSeen:
        """As a host reports it: a provider whose types are the partitions, each named by the addresses of its GPUs."""
        types = (MdevTypeSeen(str(each.number), " ".join(each.gpus), 1) for each in self.partitions)
        return MdevParentSeen(FABRIC, tuple(types), kind=FabricPartition.kind)


def fabric_of(parent: MdevParentSeen) -> Fabric:
    """What a host reported of its fabric; a partition that makes no sense is left out."""
    found = (_partition(kind) for kind in parent.types)
    return Fabric(tuple(each for each in found if each is not None))


def _partition(kind: MdevTypeSeen) -> FabricPartition | None:
    gpus = tuple(kind.name.split())
    usable = kind.id.isascii() and kind.id.isdigit() and 0 < len(set(gpus)) == len(gpus)
    return FabricPartition(int(kind.id), gpus) if usable else None
