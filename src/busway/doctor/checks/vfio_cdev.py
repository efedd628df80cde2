"""Devices with vfio-pci have a character device, which iommufd uses."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware import Card

_SINCE = (6, 6)


def _find(host: Host, card: Card) -> Iterator[Finding]:
    main = card.main
    if main.driver != "vfio-pci" or host.kernel is None or host.kernel < _SINCE or not host.exists("/dev/iommu"):
        return
    folder = f"/sys/bus/pci/devices/{main.address}/vfio-dev"
    if host.names(folder):
        return
    yield CHECK.found(
        f"{card.name} can't be used through iommufd",
        cause="The kernel shows no character device of it: it was built without CONFIG_VFIO_DEVICE_CDEV.",
        remedy="Use the group interface, which libvirt and Busway do; leave <iommufd> and QEMU's iommufd= out.",
        evidence=(Evidence(folder, "absent"), Evidence("/dev/iommu", "present")),
        card=card,
    )


CHECK = Check("vfio-cdev", Stage.IOMMU, Severity.INFORMS, "The card can be used through iommufd", card=_find)
