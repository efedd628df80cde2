"""Interrupts of devices are remapped, so that a guest can not forge them."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_UNSAFE = "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
_REFUSED = "Busway hands no devices of such a host out unless [busway] accept_weak_isolation says unsafe-interrupts."


def _find(host: Host) -> Iterator[Finding]:
    text = host.text("/proc/interrupts")
    unsafe = host.text(_UNSAFE) == "Y"
    if not host.has_iommu or not text or not (host.is_intel or host.is_amd):
        return
    if " IR-" in text:
        if unsafe:
            yield _needless(host)
        return
    yield CHECK.found(
        "Interrupts are not remapped" + (", and VFIO is configured to accept that" if unsafe else ""),
        cause="Without remapping a guest could send any interrupt to the host, so VFIO refuses its devices."
        + (f" {_REFUSED}" if unsafe else ""),
        remedy="Update the firmware and switch on interrupt remapping (x2APIC) there; remove intremap=off and "
        "nointremap. "
        "As a last resort, for guests you trust: vfio_iommu_type1.allow_unsafe_interrupts=1.",
        evidence=(Evidence("/proc/interrupts", "no controller is named IR-..."), host.evidence(_UNSAFE)),
        after="switching on interrupt remapping in the firmware",
        severity=Severity.WARNS if unsafe else None,
    )


def _needless(host: Host) -> Finding:
    return CHECK.found(
        "VFIO is configured to work without interrupt remapping, although it is on",
        cause=f"allow_unsafe_interrupts has no effect now, but would hide it if remapping is off one day. {_REFUSED}",
        remedy=f"Remove allow_unsafe_interrupts from /etc/modprobe.d and the kernel command line, then: `echo N > "
        f"{_UNSAFE}`.",
        evidence=(host.evidence(_UNSAFE),),
        severity=Severity.WARNS,
    )


CHECK = Check("interrupt-remapping", Stage.IOMMU, Severity.BLOCKS, "Interrupts are remapped", host=_find)
