"""No display server draws on the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.users import DISPLAYS, evidence_of, users_of
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    users = users_of(host, card, DISPLAYS)
    if not users:
        return
    who = ", ".join(map(str, users))
    yield CHECK.found(
        f"The desktop runs on {card.name}: {who}",
        cause="A display server has the card open and draws on it.",
        remedy="Stop the display manager (`systemctl isolate multi-user.target`), or let it use another card.",
        evidence=evidence_of(users),
        card=card,
        after=f"stopping {who}",
    )


CHECK = Check("display-server", Stage.ISOLATION, Severity.BLOCKS, "No display server uses the card", card=_find)
