"""The kinds of resource that a claim can hold; one module per kind, and `KINDS`, which knows them all.

A kind has the same few roles everywhere, each in a module with the kind's own name:

- what a host offers and a request asks: `busway.domain.units.KIND`, and the scheduler's `kinds`
- what a claim holds: the unit, a class of `busway.domain.units.KIND`
- how it is taken and given back on the host: `busway.hardware.handover.KIND`
- how a domain names it, and how it is recognised there: `busway.hypervisor.xml.device.KIND`
"""

from __future__ import annotations

from busway.domain.units.fabric import FabricPartition
from busway.domain.units.function import WHOLE, WholeFunction, card_of
from busway.domain.units.mdev import Mdev
from busway.domain.units.nic import NicFunction
from busway.domain.units.render import RenderShare
from busway.domain.units.unit import Unit
from busway.domain.units.vgpu import VgpuFunction

# Every kind by its word, which claims, documents and agents have in common.
KINDS: dict[str, type[Unit]] = {
    kind.kind: kind for kind in (WholeFunction, Mdev, VgpuFunction, FabricPartition, NicFunction, RenderShare)
}
# Of those the ones that are a whole PCI function, whatever it is for.
WHOLE_KINDS = frozenset(word for word, kind in KINDS.items() if issubclass(kind, WholeFunction))

__all__ = [
    "KINDS",
    "WHOLE",
    "WHOLE_KINDS",
    "FabricPartition",
    "Mdev",
    "NicFunction",
    "RenderShare",
    "Unit",
    "VgpuFunction",
    "WholeFunction",
    "card_of",
]
