"""How host drivers use the IOMMU: translated, or passed through."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    types = {group.type for group in host.machine.groups.values() if group.type}
    if not any(kind.startswith("DMA") for kind in types) or "iommu=pt" in host.arguments:
        return
    yield CHECK.found(
        "Address translation slows the host's own drivers",
        cause="The groups are of type DMA: each transfer of the host's own devices is mapped. Guests are not affected.",
        remedy=f"Nothing, unless the host's own network or disks are slow. Then: {host.boot.words(add='iommu=pt')}",
        evidence=(Evidence("/sys/kernel/iommu_groups/*/type", " ".join(sorted(types))), host.evidence("/proc/cmdline")),
    )


CHECK = Check("iommu-domain", Stage.IOMMU, Severity.INFORMS, "Host devices use the IOMMU in passthrough", host=_find)
