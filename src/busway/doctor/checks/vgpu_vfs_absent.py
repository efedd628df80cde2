"""The virtual functions of a vGPU host were made after boot."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    sriov = card.main.sriov
    if not host.is_loaded("nvidia_vgpu_vfio") or card.main.driver != "nvidia" or sriov is None or sriov.enabled:
        return
    yield CHECK.found(
        f"{card.name} has no virtual functions, so no vGPU can be created on it",
        cause="The vGPU manager is loaded, but the virtual functions were not created again after the last reboot.",
        remedy=f"Run `/usr/lib/nvidia/sriov-manage -e {card.main.address}`, and let a systemd unit do it after each "
        "boot.",
        evidence=(Evidence(sysfs(card.main.address, "sriov_numvfs"), str(sriov.enabled or 0)),),
        card=card,
    )


CHECK = Check("vgpu-vfs-absent", Stage.ISOLATION, Severity.WARNS, "A vGPU host has virtual functions", card=_find)
