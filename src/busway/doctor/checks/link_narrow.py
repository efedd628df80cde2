"""The PCIe link has all its lanes."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    link = card.main.link
    if not link.is_narrow:
        return
    yield CHECK.found(
        f"The link of {card.name} has {link.width} of {link.max_width} lanes",
        cause="The slot has fewer lanes, or some did not train. Speed drops while idle, width does not.",
        remedy="See the board's manual for the slot's lanes; reseat the card, or its riser.",
        evidence=(
            Evidence(sysfs(card.main.address, "current_link_width"), str(link.width)),
            Evidence(sysfs(card.main.address, "max_link_width"), str(link.max_width)),
        ),
        card=card,
    )


CHECK = Check("link-narrow", Stage.RESET, Severity.INFORMS, "The link has all its lanes", card=_find)
