"""A card has an IOMMU group where other devices of the host have theirs."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import KernelArgument
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    if card.iommu_group is not None or not host.has_iommu:
        return
    evidence = (Evidence(sysfs(card.main.address, "iommu_group"), "absent"), host.evidence("/proc/cmdline"))
    brief = f"{card.name} has no IOMMU group, though other devices have theirs"
    igfx_arguments = [word for word in host.arguments if word.startswith("intel_iommu=") and "igfx_off" in word]
    if igfx_arguments and card.main.vendor_id == "8086":
        yield CHECK.found(
            brief,
            cause=f"{igfx_arguments[0]} makes the kernel leave graphics inside the CPU out of the IOMMU.",
            remedy=host.boot.words(add="intel_iommu=on", remove=igfx_arguments[0]),
            evidence=evidence,
            card=card,
            after=f"removing {igfx_arguments[0]} from the kernel command line and a reboot",
            changes=(KernelArgument("intel_iommu=on"), KernelArgument(remove=igfx_arguments[0])),
        )
        return
    yield CHECK.found(
        brief,
        cause="The firmware's tables put no IOMMU above it, as for devices behind a VMD controller.",
        remedy="Switch off VMD (RAID mode) for its slot in the firmware, or use a slot right on the CPU.",
        evidence=evidence,
        card=card,
    )


CHECK = Check("no-group", Stage.IOMMU, Severity.BLOCKS, "The card has an IOMMU group", card=_find)
