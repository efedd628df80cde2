"""The logs report no fault: Xid, resets that failed, IOMMU faults, what QEMU said."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.why import Story
from busway.hardware import Card

# After these a card is dead until the machine was without power.
_DEAD = frozenset({"reset-gave-up", "d3cold-stuck", "dead-header", "fallen-off-the-bus", "intel-dead", "amdgpu-lost"})
_KERNEL = "/dev/kmsg"


def _of_host(host: Host) -> Iterator[Finding]:
    known = {card.main.address.slot_name for card in host.machine.cards}
    yield from (_found(story, None) for story in host.stories if story.root.slot not in known)


def _of_card(host: Host, card: Card) -> Iterator[Finding]:
    slot = card.main.address.slot_name
    yield from (_found(story, card) for story in host.stories if story.root.slot == slot)


def _found(story: Story, card: Card | None) -> Finding:
    root = story.root
    of_kernel = "kernel" in root.symptom.emitter.origins
    is_dead = root.symptom.name in _DEAD and card is not None
    severity = Severity.BLOCKS if is_dead else None if of_kernel else Severity.INFORMS
    place = _KERNEL if of_kernel else "/var/log/libvirt"
    lines = [root, *story.others]
    return CHECK.found(
        f"{card.name if card else 'This host'} has had a fault: {root.symptom.name}"
        + (f", {root.count} lines" if root.count > 1 else ""),
        cause=root.means,
        remedy=root.do,
        evidence=tuple(Evidence(place, one.line[:200]) for one in lines[:4]),
        card=card,
        after="a power cycle of the host" if is_dead else "",
        severity=severity,
    )


CHECK = Check(
    "kernel-log",
    Stage.RESET,
    Severity.WARNS,
    "The logs contain no fault",
    host=_of_host,
    card=_of_card,
    place=Place.BOTH,
)
