"""Groups are the hardware's own: pcie_acs_override is not in use."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    words = [word for word in host.arguments if word.startswith("pcie_acs_override=")]
    if not words:
        return
    yield CHECK.found(
        "The IOMMU groups are not what the hardware can isolate",
        cause=f"{words[0]} makes the kernel claim isolation that is not there: devices of two guests may reach each other. "
        "Busway hands no devices of such a host out unless [busway] accept_weak_isolation says acs-override.",
        remedy=f"For guests that do not trust each other: {host.boot.words(remove=words[0])}",
        evidence=(host.evidence("/proc/cmdline"),),
    )


CHECK = Check("acs-override", Stage.ISOLATION, Severity.WARNS, "The IOMMU groups are real", host=_find)
