"""Intel SR-IOV works where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    asked = [word for word in host.arguments if word.startswith(("i915.max_vfs=", "xe.max_vfs="))]
    sriov = card.main.sriov
    if card.main.vendor_id != "8086" or not asked or (sriov and sriov.enabled):
        return
    yield CHECK.found(
        f"SR-IOV was asked for and {card.name} has no virtual functions",
        cause="The host's i915 does not make them: SR-IOV needs its own module, and enable_guc=3."
        if sriov is None
        else "The driver offers SR-IOV and nobody has enabled functions since boot.",
        remedy="Install i915-sriov-dkms and add i915.enable_guc=3."
        if sriov is None
        else f"`echo {asked[0].partition('=')[2]} > {sysfs(card.main.address, 'sriov_numvfs')}`, in a unit after each boot.",
        evidence=(Evidence("/proc/cmdline", asked[0]), host.evidence(sysfs(card.main.address, "sriov_numvfs"))),
        card=card,
    )


CHECK = Check("i915-sriov", Stage.ISOLATION, Severity.WARNS, "Intel SR-IOV works where it was asked for", card=_find)
