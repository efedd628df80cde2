"""Runs the checks in their order and sums up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from busway.doctor.advice import fit
from busway.doctor.boot import Loader
from busway.doctor.check import Check, Place
from busway.doctor.checks import CHECKS
from busway.doctor.finding import Finding
from busway.doctor.host import Host, Wish
from busway.doctor.report import Report, verdict_of
from busway.domain.errors import NotFound
from busway.hardware import Card
from busway.hardware.tree import parse_address


def examine(
    root: Path = Path("/"), device: str | None = None, *, wish: Wish | None = None, inside: bool = False
) -> Report:
    """Examines the host under `root`: all its GPU cards, or the card that `device` names; `wish` is a guest.

    With `inside` it is looked at as a guest that has cards, by the checks that make sense there.
    """
    return examine_host(Host(root, wish), device, inside=inside)


def examine_host(host: Host, device: str | None = None, *, inside: bool = False) -> Report:
    """As `examine`, on a host that is read already."""
    cards = host.machine.gpu_cards if device is None else (find_card(host, device),)
    findings = tuple(fit(host, finding) for finding in _all(host, cards, Place.GUEST if inside else Place.HOST))
    return Report(
        system=_system(host),
        findings=findings,
        verdicts=tuple(verdict_of(card, findings) for card in cards),
        not_read=tuple(sorted(host.denied)),
    )


def find_card(host: Host, name: str) -> Card:
    """The card that a person means: 0000:41:00.0, 41:00.0, 41:00 or 0000:41:00."""
    slot = name.strip().lower()
    full = slot if "." in slot else f"{slot}.0"
    address = parse_address(full if full.count(":") == 2 else f"0000:{full}")
    wanted = [card for card in host.machine.cards if str(card.name) == slot or f"0000:{slot}" == card.name]
    card = host.machine.card(address) if address else None
    if card is None and not wanted:
        known = ", ".join(card.name for card in host.machine.gpu_cards) or "none"
        raise NotFound(
            f"There is no card {name}",
            detail=f"The GPU cards of this machine: {known}.",
            remedy="Name it as `lspci -D` does, or leave the name out to examine all GPUs.",
            code="device-not-found",
        )
    return card or wanted[0]


def _all(host: Host, cards: Sequence[Card], place: Place) -> Iterator[Finding]:
    for check in CHECKS:
        if check.place in (place, Place.BOTH):
            yield from _one(check, host, cards)


def _one(check: Check, host: Host, cards: Sequence[Card]) -> Iterator[Finding]:
    if check.host:
        yield from check.host(host)
    if check.card:
        for card in cards:
            yield from check.card(host, card)


def _system(host: Host) -> str:
    release = host.text("/proc/sys/kernel/osrelease")
    name = host.distribution.name or "unknown distribution"
    loader = "boot loader unknown" if host.boot.loader is Loader.UNKNOWN else f"boots with {host.boot.loader}"
    kernel = f"Linux {release}" if release else "kernel unknown"
    return ", ".join(filter(None, [name, kernel, host.platform.immutable or loader, host.platform.words]))
