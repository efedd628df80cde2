"""The firmware keeps no memory of its own mapped for the card (RMRR)."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    group = host.machine.groups.get(card.iommu_group if card.iommu_group is not None else -1)
    regions = [one for one in group.reserved if one.kind == "direct"] if group else []
    if not regions:
        return
    file = f"/sys/kernel/iommu_groups/{card.iommu_group}/reserved_regions"
    yield CHECK.found(
        f"The firmware uses {card.name} itself (RMRR)",
        cause="It reserved memory that the card must reach at all times; the kernel then refuses the card to guests.",
        remedy="Switch off the vendor's management of this slot in the firmware (HPE: shared memory features), or "
        "use another slot.",
        evidence=tuple(Evidence(file, f"{one.start:#x} {one.end:#x} {one.kind}") for one in regions),
        card=card,
        after="disabling the firmware's use of this slot",
    )


CHECK = Check("reserved-memory", Stage.ISOLATION, Severity.BLOCKS, "No firmware memory is tied to the card", card=_find)
