"""Which host functions travel as one card, and where the guest finds them.

A GPU and its audio function sit in one slot of the host; their guest drivers expect to find each other in one slot as
well. Functions of one host slot that include function 0 become one multifunction card behind one root port; any other
function (a VF, mostly) gets a root port of its own as function 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.domain.address import PciAddress


@dataclass(frozen=True, slots=True)
class GuestSlot:
    """One host function and its place in the guest: the index of its root port and its function number."""

    host: PciAddress
    port: int
    function: int
    multifunction: bool


def guest_slots(addresses: Iterable[PciAddress]) -> tuple[GuestSlot, ...]:
    """Places devices behind root ports 1, 2, ... in the order they are given; a card's functions stay together."""
    wanted = tuple(dict.fromkeys(addresses))
    cards: dict[str, list[PciAddress]] = {}
    for address in wanted:
        whole = any(other.slot_name == address.slot_name and other.function == 0 for other in wanted)
        cards.setdefault(address.slot_name if whole else str(address), []).append(address)
    slots: list[GuestSlot] = []
    for port, functions in enumerate(cards.values(), start=1):
        alone = len(functions) == 1
        slots += [
            GuestSlot(host, port, 0 if alone else host.function, not alone and host.function == 0)
            for host in sorted(functions)
        ]
    return tuple(slots)
