"""The part of the domain XML that lays a guest's NUMA cells on those of its host.

A cell's vCPUs may run on any shared CPU of its node, or each on the one that it has for itself, and its memory comes
from there alone: what a device near the guest is worth depends on it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.dedicated_cpus import SHARED, cpu_list
from busway.domain.documents import DesiredCell


def add_numa(domain: ET.Element, cells: tuple[DesiredCell, ...], *, pinned: bool) -> None:
    """Adds the cells to a domain that has its `cpu`; nothing for a guest without any.

    An emulated guest that shares its CPUs is not `pinned`: its vCPUs may be one thread, and libvirt refuses to pin that.
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
        vcpus = range(first, first + cell.vcpus)
        first += cell.vcpus
        size = {"cpus": f"{vcpus[0]}-{vcpus[-1]}", "memory": str(cell.ram_mb), "unit": "MiB"}
        ET.SubElement(guest, "cell", {"id": str(number), **size})
        ET.SubElement(memory, "memnode", cellid=str(number), mode="strict", nodeset=str(cell.node))
        if tune is not None:
            for place, vcpu in enumerate(vcpus):
                ET.SubElement(tune, "vcpupin", vcpu=str(vcpu), cpuset=_cpuset(cell, place))


def _cpuset(cell: DesiredCell, place: int) -> str:
    pin = cell.pins[place] if cell.pins else SHARED
    return cell.cpus if pin == SHARED else str(pin)


def add_emulator(domain: ET.Element, cells: tuple[DesiredCell, ...], shared: str) -> None:
    """Keeps QEMU's own threads on the CPUs that they have for themselves, else on the `shared` ones ("0-3") if they are named.

    Without either they run where the guest's vCPUs do.

    They would run on every CPU of the host otherwise, and so on those of other guests.
    """
    tune = domain.find("cputune")
    assert tune is not None
    alone = cpu_list(cpu for cell in cells for cpu in cell.emulator)
    pins = [pin for cell in cells for pin in cell.pins if pin != SHARED]
    floating = [cell.cpus for cell in cells if SHARED in cell.pins]
    ET.SubElement(tune, "emulatorpin", cpuset=alone or shared or ",".join([cpu_list(pins), *floating]))
