"""Nobody uses the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.users import evidence_of, users_of
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    users = users_of(host, card)
    if not users:
        return
    who = ", ".join(map(str, users))
    yield CHECK.found(
        f"{card.name} is in use by {who}",
        cause="A device can't be taken away from a running program: the driver would wait for the program, possibly "
        "for ever.",
        remedy="Stop the named processes; for a guest, shut it down or detach the card.",
        evidence=evidence_of(users),
        card=card,
        after=f"stopping {who}",
    )


CHECK = Check("device-held", Stage.ISOLATION, Severity.BLOCKS, "No process uses the card", card=_find)
