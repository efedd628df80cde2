"""The card's BAR is as large as it may be."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.doctor.sizes import size_words
from busway.hardware import Card


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    bars = card.main.bars
    small = [
        bar for bar in (bars.memory if bars else ()) if bar.resizable_sizes and bar.size < max(bar.resizable_sizes)
    ]
    if not small:
        return
    bar = small[0]
    largest = max(bar.resizable_sizes)
    file = sysfs(card.main.address, f"resource{bar.index}_resize")
    yield CHECK.found(
        f"BAR {bar.index} of {card.name} is {size_words(bar.size)} and can be {size_words(largest)}",
        cause="A card is faster if this BAR is as large as its memory; a guest sees the size that the host has set.",
        remedy=f"Switch on Resizable BAR in the firmware; or, while no driver has the card, "
        f"`echo {(largest >> 20).bit_length() - 1} > {file}`. Then check with `--memory`: the guest needs these "
        "addresses.",
        evidence=(Evidence(file, f"now {size_words(bar.size)}, largest {size_words(largest)}"),),
        card=card,
    )


CHECK = Check("resizable-bar", Stage.GUEST, Severity.INFORMS, "The BAR has its full size", card=_find)
