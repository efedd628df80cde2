"""A VF that carries vGPUs stays with its vendor's driver."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card
from busway.hardware.kernel import VFIO


def _find(host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    parent = host.machine.find(main.parent) if main.parent else None
    if main.driver != VFIO or parent is None or parent.driver != "nvidia" or parent.sriov is None:
        return
    siblings = [vf for address in parent.sriov.vfs if (vf := host.machine.find(address)) and vf.vendor_vgpu is not None]
    if not siblings:
        return
    yield CHECK.found(
        f"{main.address} is a vGPU's virtual function and is on vfio-pci",
        cause=f"Its siblings ({siblings[0].address} and others) carry vendor-specific vGPUs on the driver nvidia, which "
        "acts as their VFIO driver; bound to vfio-pci a VF loses its vGPU.",
        remedy=f"Give it back: `echo > {sysfs(main.address, 'driver_override')}`, unbind it, "
        f"`echo {main.address} > /sys/bus/pci/drivers/nvidia/bind`.",
        evidence=(Evidence(sysfs(main.address, "driver"), VFIO), Evidence(sysfs(parent.address, "driver"), "nvidia")),
        card=card,
        after="giving it back to the driver nvidia",
    )


CHECK = Check("vgpu-vf-on-vfio", Stage.ISOLATION, Severity.BLOCKS, "vGPU functions stay with their driver", card=_find)
