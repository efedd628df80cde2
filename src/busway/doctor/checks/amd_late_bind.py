"""AMD cards that must be initialised by amdgpu first are not bound early."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.early import early_binding_of
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card
from busway.hardware.tree import parse_hex

_FAMILIES = ((0x73A0, 0x73FF, "Radeon RX 6000"), (0x7420, 0x743F, "Radeon RX 6000"), (0x7550, 0x759F, "Radeon RX 9000"))


def _find(host: Host, card: Card) -> Iterator[Finding]:
    lines = early_binding_of(host, card)
    product = parse_hex(card.main.product_id) or 0
    names = [name for first, last, name in _FAMILIES if first <= product <= last]
    if not lines or card.main.vendor_id != "1002" or not names:
        return
    yield CHECK.found(
        f"{card.name} ({names[0]}) is bound to vfio-pci before amdgpu has initialised it",
        cause="Cards of this family reset reliably only after the host's driver has set them up once.",
        remedy="Remove the id from ids=, let amdgpu have the card at boot, and bind it when a server needs it.",
        evidence=lines,
        card=card,
    )


CHECK = Check("amd-late-bind", Stage.ISOLATION, Severity.WARNS, "amdgpu initialises cards that need it", card=_find)
