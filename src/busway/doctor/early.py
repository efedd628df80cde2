"""Early binding: vfio-pci takes devices by id at boot (`ids=`), by an option on the command line or in modprobe.d."""

from __future__ import annotations

import re

from busway.doctor.finding import Evidence
from busway.doctor.host import Host
from busway.hardware import Card

_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}", re.ASCII)


def early_binding_of(host: Host, card: Card) -> tuple[Evidence, ...]:
    """The lines that name the ids of the card's main function; none when it is not bound early."""
    wanted = f"{card.main.vendor_id}:{card.main.product_id}"
    return tuple(line for line in host.early_ids() if wanted in _ID.findall(line.text.lower()))
