"""A card that shows a display has its own ROM to start from."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    if not main.boot_vga or main.class_code[:4] != "0300" or main.bars is None or main.rom is not None:
        return
    yield CHECK.found(
        f"The ROM of {card.name} is no longer the card's own",
        cause='The firmware copied the ROM of its boot display; a guest that reads it gets "No more image in the PCI ROM".',
        remedy="Give the guest a ROM file, or none (rom bar='off') when it needs no display before its driver starts.",
        evidence=(Evidence(sysfs(main.address, "resource"), "line 7 (ROM) is empty"),),
        card=card,
    )


CHECK = Check("rom-shadowed", Stage.GUEST, Severity.WARNS, "The card has its own ROM", card=_find)
