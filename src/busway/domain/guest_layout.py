"""Where the guest finds its network cards and what it was granted: root ports by number, and addresses in the guest.

A GPU and its audio function sit in one slot of the host; their guest drivers expect to find each other in one slot as
well. Functions of one host slot that include function 0 become one multifunction card behind one root port; anything
else (a VF, mostly) gets a root port of its own as function 0. The port of a grant is its own for the life of its claim,
so that a guest finds a device where it was although others have come or gone.

The root ports stand on the root bus in the order of their numbers and without a gap, before any that libvirt adds. So
firmware, which numbers buses in the order of their ports, gives each port the bus of its number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.domain.documents import DesiredServer, Nic
from busway.domain.grant import Grant
from busway.domain.units import WholeFunction, card_of


@dataclass(frozen=True, slots=True)
class GuestSlot:
    """One grant and its place in the guest: the number of its root port and its function number."""

    grant: Grant
    port: int
    function: int
    multifunction: bool

    @property
    def address(self) -> str:
        """Its PCI address in the guest."""
        return guest_address(self.port, self.function)


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


def nic_ports(server: DesiredServer) -> tuple[tuple[Nic, int], ...]:
    """Each network card with its root port: those after the last one of a grant."""
    first = 1 + max((slot.port for slot in guest_slots(server.devices)), default=0)
    return tuple((nic, first + number) for number, nic in enumerate(server.nics))


def guest_address(port: int, function: int = 0) -> str:
    """The PCI address in the guest of what is behind a root port."""
    return f"0000:{port:02x}:00.{function:x}"


def _function(grant: Grant) -> int:
    return grant.unit.address.function if isinstance(grant.unit, WholeFunction) else 0
