"""AMD cards with the reset bug have their own reset method."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card
from busway.hardware.tree import parse_hex

_FAMILIES = (
    (0x67C0, 0x67FF, "Polaris"), (0x6980, 0x699F, "Polaris"), (0x6860, 0x687F, "Vega 10"), (0x66A0, 0x66AF, "Vega 20"),
    (0x7310, 0x731F, "Navi 10"), (0x7340, 0x734F, "Navi 14"), (0x7360, 0x7362, "Navi 12"),
)  # fmt: skip


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    name = reset_bug_family(card)
    methods = card.main.reset_methods
    if not name or methods is None or "device_specific" in methods:
        return
    yield CHECK.found(
        f"{card.name} ({name}) has the reset bug and no method of its own",
        cause="Cards of this family do not come back from the kernel's usual resets once a guest has used them.",
        remedy="Install the module vendor-reset, load it at boot, and "
        f"`echo device_specific > {sysfs(card.main.address, 'reset_method')}`.",
        evidence=(Evidence(sysfs(card.main.address, "reset_method"), " ".join(methods)),),
        card=card,
    )


def reset_bug_family(card: Card) -> str:
    """The family of an AMD card that is known not to come back from resets, "" for others."""
    product = parse_hex(card.main.product_id) or 0
    names = [name for first, last, name in _FAMILIES if first <= product <= last]
    return names[0] if names and card.main.vendor_id == "1002" else ""


CHECK = Check("vendor-reset", Stage.RESET, Severity.WARNS, "Cards with the reset bug have a method", card=_find)
