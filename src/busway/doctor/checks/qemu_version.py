"""QEMU is new enough for large cards."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.answers import words
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.sizes import size_words

_BITS, _LARGE = (7, 1), 16 << 30  # QEMU 7.1 keeps devices inside the guest's address bits


def _find(host: Host) -> Iterator[Finding]:
    version = host.versions.qemu
    large = max(
        (bar.size for card in host.machine.gpu_cards for bar in (card.main.bars.memory if card.main.bars else ())),
        default=0,
    )
    if not version or version >= _BITS or large < _LARGE:
        return
    yield CHECK.found(
        f"QEMU {words(version)} is older than 7.1, and a card has a BAR of {size_words(large)}",
        cause="Before 7.1, QEMU does not check whether memory and BARs exceed the guest's address bits; the guest "
        "then can't use the card.",
        remedy="Install QEMU 7.1 or later, and give guests the host's address bits (<maxphysaddr "
        "mode='passthrough'/>).",
        evidence=(Evidence("/usr/bin/qemu-system-x86_64", f"version {words(version)}"),),
    )


CHECK = Check("qemu-version", Stage.GUEST, Severity.WARNS, "QEMU is new enough for large cards", host=_find)
