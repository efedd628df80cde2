"""Intel SR-IOV works where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    asked = [word for word in host.arguments if word.startswith(("i915.max_vfs=", "xe.max_vfs="))]
    main, sriov = card.main, card.main.sriov
    if main.vendor_id != "8086" or not asked or main.is_vf or (sriov and sriov.enabled):
        return
    parameter = f"/sys/module/{main.driver or 'i915'}/parameters/max_vfs"
    can = host.exists(parameter)
    number = f"/sys/bus/pci/devices/{main.address}/sriov_numvfs"
    yield CHECK.found(
        f"SR-IOV was requested, but {card.name} has no virtual functions",
        cause="The driver supports SR-IOV, but no functions were enabled since boot."
        if can
        else f"The {main.driver or 'i915'} of this kernel can't make them (it has no max_vfs): writing sriov_numvfs answers ENOENT.",
        remedy=f"`echo {asked[0].partition('=')[2]} > {number}`, in a unit after each boot."
        if can
        else "Use a driver that can: xe on kernels whose xe has SR-IOV for this device (from Linux 6.17 on for Arc Pro and "
        "Panther Lake), or the out-of-tree i915-sriov-dkms with i915.enable_guc=3.",
        evidence=(
            Evidence("/proc/cmdline", asked[0]),
            Evidence(parameter, "present" if can else "absent"),
            host.evidence(number),
        ),
        card=card,
    )


CHECK = Check("i915-sriov", Stage.ISOLATION, Severity.WARNS, "Intel SR-IOV works if requested", card=_find)
