"""Every memory window of the card has an address."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.doctor.sizes import size_words
from busway.hardware import Card


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    for function in card.functions:
        unassigned = [bar for bar in (function.bars.memory if function.bars else ()) if bar.start is None]
        if not unassigned:
            continue
        sizes = ", ".join(f"BAR {bar.index} ({size_words(bar.size)})" for bar in unassigned)
        yield CHECK.found(
            f"{function.address} has no addresses for {sizes}",
            cause="The firmware and the kernel found no room for it: large BARs must lie above 4 GiB.",
            remedy="Switch on Above 4G decoding (MMIO High, large BAR) in the firmware; failing that, add pci=realloc.",
            evidence=(Evidence(sysfs(function.address, "resource"), f"line {unassigned[0].index + 1} is unassigned"),),
            card=card,
            after="switching on Above 4G decoding in the firmware",
        )


CHECK = Check("bar-unassigned", Stage.GUEST, Severity.BLOCKS, "Every BAR has an address", card=_find, place=Place.BOTH)
