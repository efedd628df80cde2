"""The IOMMU translates as many address bits as the CPU has.

An Intel IOMMU says its width in its capability register: MGAW (bits 21:16) plus one, and no more than the largest page
table that SAGAW (bits 12:8) allows. Source: Intel Virtualization Technology for Directed I/O, "Capability Register".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware.tree import parse_hex

_FOLDER = "/sys/class/iommu"
_TABLES = ((3, 57), (2, 48), (1, 39))  # bit of SAGAW, and the width of its page table


def _find(host: Host) -> Iterator[Finding]:
    match = re.search(r"([0-9]{2}) bits physical", host.cpu_field("address sizes"))
    widths = {
        f"{_FOLDER}/{name}/intel-iommu/cap": width for name in host.names(_FOLDER) if (width := _width(host, name))
    }
    if match is None or not widths:
        return
    file, width = min(widths.items(), key=lambda pair: pair[1])
    if width >= int(match[1]):
        return
    yield CHECK.found(
        f"The IOMMU translates {width} address bits, and the CPU has {match[1]}",
        cause="A guest with the CPU's bits puts large BARs at the top of its addresses, where the IOMMU maps nothing: "
        '"VFIO_MAP_DMA failed: Invalid argument", and no transfers between its devices.',
        remedy=f"Give guests at most {width} address bits: `<maxphysaddr mode='passthrough' limit='{width}'/>` in libvirt "
        f"(9.3 or later), `host-phys-bits-limit={width}` in QEMU.",
        evidence=(
            Evidence(file, host.text(file) or ""),
            Evidence("/proc/cpuinfo", f"address sizes: {host.cpu_field('address sizes')}"),
        ),
    )


def _width(host: Host, name: str) -> int | None:
    register = parse_hex(host.text(f"{_FOLDER}/{name}/intel-iommu/cap") or "")
    if not register:
        return None
    tables = [width for bit, width in _TABLES if register >> 8 + bit & 1]
    return min([(register >> 16 & 0x3F) + 1, *tables[:1]])


CHECK = Check("iommu-width", Stage.IOMMU, Severity.WARNS, "The IOMMU is as wide as the CPU", host=_find)
