"""The kernel takes unsigned modules, which vGPU and reset drivers often are."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_FILE = "/sys/kernel/security/lockdown"


def _find(host: Host) -> Iterator[Finding]:
    text = host.text(_FILE) or ""
    if "[integrity]" not in text and "[confidentiality]" not in text:
        return
    yield CHECK.found(
        "The kernel is locked down and takes signed modules only",
        cause="Secure Boot is on. Modules built on this host (vGPU managers, vendor-reset, i915 SR-IOV) won't load unsigned.",
        remedy="Sign such modules with a key enrolled by `mokutil --import`, or switch Secure Boot off.",
        evidence=(Evidence(_FILE, text),),
    )


CHECK = Check("lockdown", Stage.IOMMU, Severity.INFORMS, "Unsigned modules can be loaded", host=_find)
