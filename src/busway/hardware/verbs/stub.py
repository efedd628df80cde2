"""Reserves a card with pci-stub, the driver that does nothing, and recognises cards that sit there.

An operator keeps a card from the host's drivers this way (and older guides reserve cards for guests so): such a card is
free, not in use, and VFIO counts its group as viable.
"""

from __future__ import annotations

from busway.domain.address import PciAddress
from busway.hardware.card import Card
from busway.hardware.machine import Machine
from busway.hardware.verbs.bind import Bound, bind_card
from busway.hardware.verbs.mode import Mode
from busway.hardware.verbs.seam import DeviceVerbs


def reserve_card(verbs: DeviceVerbs, address: PciAddress, *, patience: float = 20.0) -> Bound:
    """Binds every function of a card to pci-stub; `release_card` gives it back."""
    return bind_card(verbs, address, Mode.STUB, patience=patience)


def reserved(machine: Machine) -> tuple[Card, ...]:
    """The cards whose main function sits with pci-stub."""
    return tuple(card for card in machine.cards if card.main.driver == Mode.STUB)
