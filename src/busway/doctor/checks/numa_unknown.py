"""It is known which NUMA node the card is on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    nodes = [name for name in host.names("/sys/devices/system/node") if re.fullmatch("node[0-9]+", name)]
    if card.numa_node is not None or len(nodes) < 2:
        return
    yield CHECK.found(
        f"The NUMA node of {card.name} is unknown",
        cause="The firmware does not say, so memory and CPUs of a guest can't be placed near the card.",
        remedy="Update the firmware, and look for NUMA (SNC, NPS) settings there.",
        evidence=(
            host.evidence(sysfs(card.main.address, "numa_node")),
            Evidence("/sys/devices/system/node", " ".join(nodes)),
        ),
        card=card,
    )


CHECK = Check("numa-unknown", Stage.GUEST, Severity.WARNS, "The card's NUMA node is known", card=_find)
