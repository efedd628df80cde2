"""vGPUs come from the vGPU host driver, not from an ordinary one."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card


def _find(host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    if (
        not main.is_vf
        or main.vendor_id != "10de"
        or main.driver != "nvidia"
        or main.vendor_vgpu is not None
        or main.mdev_types
    ):
        return
    if host.is_loaded("nvidia_vgpu_vfio") or host.platform.hypervisor:
        return
    yield CHECK.found(
        f"{card.name} is a virtual function, and the host's driver can't create vGPUs",
        cause="An ordinary data-centre driver is loaded: the vGPU manager (nvidia_vgpu_vfio) is not there.",
        remedy="Install NVIDIA's vGPU host driver (vgpu-kvm) of the release of the guests' drivers, and reboot.",
        evidence=(Evidence("/sys/module/nvidia_vgpu_vfio", "absent"), host.evidence("/proc/driver/nvidia/version")),
        card=card,
        after="installing the vGPU host driver",
    )


CHECK = Check("vgpu-driver", Stage.ISOLATION, Severity.BLOCKS, "vGPUs come from the vGPU driver", card=_find)
