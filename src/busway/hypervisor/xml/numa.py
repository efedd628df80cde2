"""The part of the domain XML that lays a guest's NUMA cells on those of its host.

A cell's vCPUs may run on any CPU of its node, as in Nova without CPU pinning, and its memory comes from there alone:
what a device near the guest is worth depends on it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.documents import DesiredCell


def add_numa(domain: ET.Element, cells: tuple[DesiredCell, ...], *, pinned: bool) -> None:
    """Adds the cells to a domain that has its `cpu`; nothing for a guest without any.

    An emulated guest is not `pinned`: its vCPUs may be one thread, and libvirt refuses to pin that.
    """
    if not cells:
        return
    cpu = domain.find("cpu")
    assert cpu is not None
    guest = ET.SubElement(cpu, "numa")
    tune = ET.SubElement(domain, "cputune") if pinned else None
    memory = ET.SubElement(domain, "numatune")
    nodes = ",".join(str(node) for node in sorted({cell.node for cell in cells}))
    ET.SubElement(memory, "memory", mode="strict", nodeset=nodes)
    first = 0
    for number, cell in enumerate(cells):
        mine = range(first, first + cell.vcpus)
        first += cell.vcpus
        size = {"cpus": f"{mine[0]}-{mine[-1]}", "memory": str(cell.ram_mb), "unit": "MiB"}
        ET.SubElement(guest, "cell", {"id": str(number), **size})
        ET.SubElement(memory, "memnode", cellid=str(number), mode="strict", nodeset=str(cell.node))
        if tune is not None:
            for vcpu in mine:
                ET.SubElement(tune, "vcpupin", vcpu=str(vcpu), cpuset=cell.cpus)
