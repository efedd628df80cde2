"""A reset of the card hits nothing but the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.below import neighbours
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    methods = card.main.reset_methods
    others = [one for one in neighbours(host, card) if one.iommu_group != card.iommu_group and not one.is_bridge]
    if not methods or set(methods) - {"bus", "cxl_bus"} or not others:
        return
    who = ", ".join(f"{one.address} {one.description}" for one in others)
    yield CHECK.found(
        f"A reset of {card.name} also resets {who}",
        cause="Its only method resets everything below the bridge, also devices of other IOMMU groups.",
        remedy="Move the card or the others to a root port of their own; never give them to different guests.",
        evidence=(Evidence(sysfs(card.main.address, "reset_method"), " ".join(methods)),),
        card=card,
    )


CHECK = Check("reset-scope", Stage.RESET, Severity.BLOCKS, "A reset affects only the card", card=_find)
