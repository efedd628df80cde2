"""AMD MxGPU has made its virtual functions where its module is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    sriov = card.main.sriov
    if card.main.vendor_id != "1002" or not host.is_loaded("gim") or sriov is None or sriov.enabled:
        return
    yield CHECK.found(
        f"The module gim is loaded and {card.name} has no virtual functions",
        cause="GIM makes the virtual functions of AMD's MxGPU; this failed, or the card has another driver.",
        remedy="Read `dmesg | grep gim`; the card must be bound to gim, not amdgpu, and the host must be one AMD "
        "supports.",
        evidence=(Evidence("/sys/module/gim", "present"), Evidence(sysfs(card.main.address, "sriov_numvfs"), "0")),
        card=card,
    )


CHECK = Check("mxgpu", Stage.ISOLATION, Severity.WARNS, "MxGPU has created its virtual functions", card=_find)
