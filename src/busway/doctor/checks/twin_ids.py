"""Binding by id does not catch a twin of the card."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.early import early_binding_of
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    lines = early_binding_of(host, card)
    ids = card.main.vendor_id, card.main.product_id
    same_ids = [
        one for one in host.machine if (one.vendor_id, one.product_id) == ids and one != card.main and not one.is_vf
    ]
    if not lines or not same_ids:
        return
    who = ", ".join(str(one.address) for one in same_ids)
    yield CHECK.found(
        f"vfio-pci takes {card.name} by its id, and with it {who}",
        cause=f"ids= matches all cards of a model: every {':'.join(ids)} of this host is taken at boot.",
        remedy="Remove the id, and let Busway bind by address (driver_override) when a server needs the card.",
        evidence=lines,
        card=card,
    )


CHECK = Check("twin-ids", Stage.ISOLATION, Severity.WARNS, "Binding by id takes no other card", card=_find)
