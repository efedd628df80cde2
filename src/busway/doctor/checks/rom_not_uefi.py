"""The ROM of a display card can be started by UEFI firmware."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card
from busway.hardware.tree import find_bytes

_LIMIT = 1 << 20
_EFI = 3  # code type of an image in the PCI data structure


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    if card.main.class_code[:4] != "0300":
        return
    data = (
        find_bytes(f"{card.main.folder}/rom", _LIMIT) or b""
    )  # empty until somebody writes 1 to it; the doctor writes nothing
    types = list(_code_types(data))
    if not types or _EFI in types:
        return
    yield CHECK.found(
        f"The ROM of {card.name} has no UEFI image",
        cause="OVMF starts a card by the UEFI image of its ROM; without one there is no picture before the guest's driver.",
        remedy="Look for newer firmware of the card, give the guest a ROM file that has one, or start it with SeaBIOS.",
        evidence=(Evidence(sysfs(card.main.address, "rom"), f"images of type {', '.join(map(str, types))}"),),
        card=card,
    )


def _code_types(data: bytes) -> Iterator[int]:
    """The code types of the images in a ROM: 0 is a legacy one, 3 UEFI."""
    place = 0
    while data[place : place + 2] == b"\x55\xaa":
        header = place + int.from_bytes(data[place + 24 : place + 26], "little")
        if data[header : header + 4] != b"PCIR" or len(data) < header + 22:
            return
        yield data[header + 20]
        length = int.from_bytes(data[header + 16 : header + 18], "little") * 512
        if data[header + 21] & 0x80 or not length:
            return
        place += length


CHECK = Check("rom-not-uefi", Stage.GUEST, Severity.WARNS, "The card's ROM supports UEFI", card=_find)
