"""DCGM and its exporter do not hold the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.users import MONITORS, evidence_of, users_of
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    users = users_of(host, card, MONITORS)
    if not users:
        return
    who = ", ".join(map(str, users))
    yield CHECK.found(
        f"GPU monitoring holds {card.name}: {who}",
        cause="DCGM opens every NVIDIA GPU it sees and keeps it open.",
        remedy="Stop it (`systemctl stop nvidia-dcgm`), or let it release GPUs that are unbound (DCGM 4.5 and later).",
        evidence=evidence_of(users),
        card=card,
        after=f"stopping {who}",
    )


CHECK = Check("dcgm", Stage.ISOLATION, Severity.BLOCKS, "No GPU monitoring holds the card", card=_find)
