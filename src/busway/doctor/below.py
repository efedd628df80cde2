"""What sits below the same bridge as a card: what a reset of its bus hits."""

from __future__ import annotations

from busway.doctor.host import Host
from busway.hardware import Card, Function


def neighbours(host: Host, card: Card) -> tuple[Function, ...]:
    """The functions below the card's bridge that are not the card's."""
    return tuple(one for one in host.machine.below_one_bridge(card.main) if one not in card.functions)


def has_hot_reset(host: Host, card: Card) -> bool:
    """True when VFIO can reset the bus because the card is all there is on it."""
    return bool(card.main.bridges) and not neighbours(host, card)
