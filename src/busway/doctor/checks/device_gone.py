"""The card answers: its configuration space does not read as all ones."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card
from busway.hardware.alive import is_gone


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    for function in card.functions:
        if not is_gone(function.folder):
            continue
        yield CHECK.found(
            f"{function.address} does not answer",
            cause="Its configuration space reads as all ones: it did not come back from a reset, or from D3cold.",
            remedy="Keep it from guests and power-cycle the host (off, not reboot). If it happens again, it is the "
            "reset bug.",
            evidence=(Evidence(sysfs(function.address, "config"), "ff over the whole header"),),
            card=card,
            after="a power cycle of the host",
        )


CHECK = Check("device-gone", Stage.RESET, Severity.BLOCKS, "The card answers", card=_find, place=Place.BOTH)
