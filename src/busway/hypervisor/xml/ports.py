"""Where the guest finds what it was granted: root ports by number, and which host functions share one.

A GPU and its audio function sit in one slot of the host; their guest drivers expect to find each other in one slot as
well. Functions of one host slot that include function 0 become one multifunction card behind one root port; anything
else (a VF, mostly) gets a root port of its own as function 0. The port of a grant is its own for the life of its claim,
so that a guest finds a device where it was although others have come or gone.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from busway.domain.grant import Grant
from busway.domain.units import WholeFunction, card_of


@dataclass(frozen=True, slots=True)
class GuestSlot:
    """One grant and its place in the guest: the index of its root port and its function number."""

    grant: Grant
    port: int
    function: int
    multifunction: bool


def guest_slots(grants: Iterable[Grant]) -> tuple[GuestSlot, ...]:
    """Places grants behind their root ports, those without one behind the lowest that are free; cards stay together."""
    wanted = {grant.unit.name: grant for grant in grants}
    cards: dict[str, list[Grant]] = {}
    for grant in wanted.values():
        cards.setdefault(card_of(grant.unit, (each.unit for each in wanted.values())), []).append(grant)
    stored = {card: next((g.port for g in members if g.port is not None), None) for card, members in cards.items()}
    free = (port for port in range(1, len(cards) + len(stored) + 1) if port not in stored.values())
    slots: list[GuestSlot] = []
    for card, members in cards.items():
        port = stored[card] or next(free)
        alone = len(members) == 1
        for grant in sorted(members, key=lambda grant: grant.unit.name):
            function = _function(grant)
            slots.append(GuestSlot(grant, port, 0 if alone else function, not alone and function == 0))
    return tuple(slots)


def add_ports(devices: ET.Element, slots: tuple[GuestSlot, ...]) -> None:
    """Adds the root complex with one root port for each card."""
    ET.SubElement(devices, "controller", type="usb", model="none")
    ET.SubElement(devices, "controller", type="pci", index="0", model="pcie-root")
    for port in sorted({slot.port for slot in slots}):
        ET.SubElement(devices, "controller", type="pci", index=str(port), model="pcie-root-port")


def _function(grant: Grant) -> int:
    return grant.unit.address.function if isinstance(grant.unit, WholeFunction) else 0
