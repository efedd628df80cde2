"""The IOMMU group has nothing but the card and bridges."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.domain.text import some_of
from busway.hardware import Card

_NAMED = 4  # members that a sentence names; the evidence has all


def _find(host: Host, card: Card) -> Iterator[Finding]:
    others = (*card.foreign, *card.unusual)
    if not others or card.iommu_group is None:
        return
    who = some_of((one.address for one in others), _NAMED)
    folder = f"/sys/kernel/iommu_groups/{card.iommu_group}/devices"
    yield CHECK.found(
        f"{card.name} shares IOMMU group {card.iommu_group} with {who}",
        cause="The hardware can't isolate these from each other (no ACS between them), so a guest gets all or none.",
        remedy="Move the card to a slot on another root port, preferably one of the CPU's; or offer the whole group. "
        "pcie_acs_override only hides the problem: guests could reach each other's devices.",
        evidence=(
            Evidence(folder, " ".join(host.names(folder))),
            *(
                Evidence(sysfs(one.address, "class"), f"{one.description}, driver {one.driver or 'none'}")
                for one in others
            ),
        ),
        card=card,
    )


CHECK = Check("group-shared", Stage.ISOLATION, Severity.BLOCKS, "The card has its IOMMU group to itself", card=_find)
