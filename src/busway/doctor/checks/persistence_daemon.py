"""nvidia-persistenced does not hold the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.users import PERSISTENCE, evidence_of, users_of
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    users = users_of(host, card, PERSISTENCE)
    if not users:
        return
    who = ", ".join(map(str, users))
    yield CHECK.found(
        f"nvidia-persistenced holds {card.name}: {who}",
        cause="It keeps the card initialised, with its files open; unbinding waits for it.",
        remedy=f"Switch persistence off for this card alone: `nvidia-smi -i {card.main.address} -pm 0`; the service "
        "may keep running.",
        evidence=evidence_of(users),
        card=card,
        after="switching persistence mode off for this card",
    )


CHECK = Check(
    "persistence-daemon", Stage.ISOLATION, Severity.BLOCKS, "No persistence daemon holds the card", card=_find
)
