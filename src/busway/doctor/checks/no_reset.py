"""The kernel can reset every function of the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.below import has_hot_reset
from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    stuck = [one for one in card.functions if not one.can_reset]
    if not stuck:
        return
    who = ", ".join(str(one.address) for one in stuck)
    together = has_hot_reset(host, card)
    yield CHECK.found(
        f"The kernel has no way to reset {who}",
        cause="reset_method is empty or absent. "
        + (
            "VFIO can reset the bus as a whole once all functions of the card are bound."
            if together
            else "The next guest finds the data that a guest left in the card."
        ),
        remedy="Always give guests the whole card, as Busway does."
        if together
        else "Look for a firmware update of the card; some AMD cards get a method from the module vendor-reset.",
        evidence=tuple(host.evidence(sysfs(one.address, "reset_method")) for one in stuck),
        card=card,
        severity=Severity.WARNS if together else None,
    )


CHECK = Check("no-reset", Stage.RESET, Severity.BLOCKS, "The card can be reset", card=_find)
