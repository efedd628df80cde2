"""The firmware did not use the card as its display in legacy mode."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    if not card.main.boot_vga or not host.exists("/sys/firmware") or host.exists("/sys/firmware/efi"):
        return
    yield CHECK.found(
        f"{card.name} is the boot display of a host in legacy (CSM) mode",
        cause="A legacy boot runs the card's ROM in place, which a guest with UEFI can't use any more.",
        remedy="Boot the host in pure UEFI mode (CSM off), or make another card the primary display.",
        evidence=(Evidence(sysfs(card.main.address, "boot_vga"), "1"), Evidence("/sys/firmware/efi", "absent")),
        card=card,
    )


CHECK = Check("boot-display", Stage.ISOLATION, Severity.WARNS, "The card is not a legacy boot display", card=_find)
