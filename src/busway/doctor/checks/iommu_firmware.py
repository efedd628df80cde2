"""The firmware describes an IOMMU to the kernel."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.platform import Architecture

TABLES = ("DMAR", "IVRS", "IORT", "VIOT")  # Intel, AMD, Arm, virtio
_FOLDER = "/sys/firmware/acpi/tables"


def _find(host: Host) -> Iterator[Finding]:
    tables = host.names(_FOLDER)
    if host.has_iommu or not tables or set(TABLES) & set(tables):
        return
    name = _name(host)
    yield CHECK.found(
        "The firmware reports no IOMMU",
        cause=f"It has none of the ACPI tables {', '.join(TABLES)}: the IOMMU is switched off in the firmware, or the "
        "board has none.",
        remedy=f"Switch on {name} in the firmware. A firmware update may have switched it off.",
        evidence=(Evidence(_FOLDER, " ".join(tables)),),
        after="switching on the IOMMU in the firmware",
    )


def _name(host: Host) -> str:
    """What the firmware calls it."""
    if host.platform.architecture is Architecture.ARM:
        return "the SMMU"
    return (
        "AMD-Vi (IOMMU, often under AMD CBS / NBIO)" if host.is_amd else "VT-d (Intel Virtualization for Directed I/O)"
    )


CHECK = Check("iommu-firmware", Stage.IOMMU, Severity.BLOCKS, "The firmware reports an IOMMU", host=_find)
