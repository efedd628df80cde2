"""VFIO allows a guest enough mappings."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_FILE = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"
_USUAL = 65535  # the kernel's default, since Linux 5.1


def _find(host: Host) -> Iterator[Finding]:
    text = host.text(_FILE) or ""
    if not text.isdecimal() or len(text) > 9 or int(text) >= _USUAL:
        return
    yield CHECK.found(
        f"VFIO allows a guest {text} mappings, fewer than the kernel's default of {_USUAL}",
        cause='A guest with a virtual IOMMU, virtio-mem or many devices makes more: "VFIO_MAP_DMA failed: No space left on device".',
        remedy="Remove dma_entry_limit from modprobe's configuration and the kernel command line.",
        evidence=(Evidence(_FILE, text),),
    )


CHECK = Check("dma-entry-limit", Stage.IOMMU, Severity.WARNS, "VFIO allows enough mappings", host=_find)
