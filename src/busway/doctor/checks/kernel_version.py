"""The kernel is new enough to say how a device is reset."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host

_WANTED = (5, 15)


def _find(host: Host) -> Iterator[Finding]:
    if host.kernel is None or host.kernel >= _WANTED:
        return
    yield CHECK.found(
        f"Linux {host.kernel[0]}.{host.kernel[1]} is older than {_WANTED[0]}.{_WANTED[1]}",
        cause="reset_method came with 5.15, iommufd with 6.2, vendor-specific vGPUs with 6.8. This kernel lacks some "
        "of these features.",
        remedy="Install a newer kernel from your distribution.",
        evidence=(host.evidence("/proc/sys/kernel/osrelease"),),
    )


CHECK = Check("kernel-version", Stage.IOMMU, Severity.INFORMS, "The kernel is 5.15 or newer", host=_find)
