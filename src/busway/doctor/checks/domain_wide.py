"""The card's PCI domain is one that device specs can name."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card

_LARGEST = 0xFFFF


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    domain = card.main.address.domain
    if domain <= _LARGEST:
        return
    yield CHECK.found(
        f"No device spec can offer {card.name}: its domain {domain:x} is above FFFF",
        cause="Domains above FFFF are made by VMD controllers, which put the devices behind them into domains of their own. "
        "Nova's device specs, and Busway's, end at FFFF.",
        remedy="Switch off VMD for its slot in the firmware, or move the card to a slot that is not behind VMD.",
        evidence=(Evidence(f"/sys/bus/pci/devices/{card.main.address}", f"domain {domain:x}"),),
        card=card,
        after="switching off VMD for its slot in the firmware",
    )


CHECK = Check("domain-wide", Stage.ISOLATION, Severity.BLOCKS, "The card's domain can be named", card=_find)
