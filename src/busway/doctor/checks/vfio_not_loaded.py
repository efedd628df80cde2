"""vfio-pci is loaded at boot, so that a missing module is seen early."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import ConfigFile
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware.verbs.bind import has_driver

_FILE = "/etc/modules-load.d/busway-vfio.conf"


def _find(host: Host) -> Iterator[Finding]:
    if host.exists("/sys/bus/pci/drivers/vfio-pci") or has_driver(host.root, "vfio-pci") is not True:
        return
    yield CHECK.found(
        "vfio-pci is not loaded",
        cause="Nothing loads it at boot. Busway loads it when it binds the first card; if that fails, you find out "
        "late.",
        remedy=f"Write vfio-pci into {_FILE}, and run `modprobe vfio-pci`.",
        evidence=(Evidence("/sys/bus/pci/drivers/vfio-pci", "absent"),),
        changes=(ConfigFile(_FILE, ("vfio-pci",)),),
    )


CHECK = Check("vfio-not-loaded", Stage.IOMMU, Severity.INFORMS, "vfio-pci is loaded at boot", host=_find)
