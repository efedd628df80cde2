"""Big guests have huge pages."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware.arithmetic import GIB


def _find(host: Host) -> Iterator[Finding]:
    if host.guest_memory < _BIG or host.huge_pages != 0:
        return
    gib = host.guest_memory // GIB
    yield CHECK.found(
        f"A guest with {gib} GiB would use small pages",
        cause="Pinning millions of small pages makes such a guest start minutes later, and slower.",
        remedy=host.boot.words(add=f"default_hugepagesz=1G hugepagesz=1G hugepages={gib}"),
        evidence=(Evidence("/proc/meminfo", "HugePages_Total: 0"),),
    )


_BIG = 64 * GIB
CHECK = Check("hugepages", Stage.GUEST, Severity.INFORMS, "Big guests have huge pages", host=_find)
