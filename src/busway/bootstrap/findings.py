"""The doctor's findings as an agent tells them: each with the address of its card's main function."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from busway.domain.condition import HostFinding

_HELD = "device-held"


def examine(root: Path, held: Collection[str]) -> tuple[HostFinding, ...]:
    """Examines a host. That a card is in use is no finding where its user is the guest that was given it."""
    from busway.doctor.examine import examine_host
    from busway.doctor.host import Host

    host = Host(root)
    cards = {card.name: card for card in host.machine.cards}
    with_guests = {name for name, card in cards.items() if any(str(one.address) in held for one in card.functions)}
    return tuple(
        HostFinding(
            each.code,
            str(each.severity),
            each.brief,
            each.remedy,
            str(cards[each.card].main.address) if each.card in cards else "",
        )
        for each in examine_host(host).findings
        if not (each.code == _HELD and each.card in with_guests)
    )
