"""The link of the card has had no fatal errors since boot."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    for function in card.functions:
        for kind in ("fatal", "nonfatal"):
            file = sysfs(function.address, f"aer_dev_{kind}")
            match = re.search(r"(?m)^TOTAL_ERR_\w+ ([0-9]{1,18})$", host.text(file) or "")
            if match and int(match[1]):
                yield CHECK.found(
                    f"{function.address} has had {match[1]} {kind} PCIe errors since boot",
                    cause="The link or the card is failing: seating, riser, power, or the card itself.",
                    remedy="Drain the card, reseat it, and watch whether the count grows.",
                    evidence=(Evidence(file, match[0]),),
                    card=card,
                )


CHECK = Check("aer-errors", Stage.RESET, Severity.WARNS, "The link has no errors", card=_find, place=Place.BOTH)
