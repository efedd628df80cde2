"""A whole definition, and the mark in its metadata by which our domains are known."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.dedicated_cpus import cpu_list
from busway.domain.documents import DesiredServer
from busway.domain.guest_layout import guest_layout
from busway.domain.guest_machine import Machine
from busway.domain.ids import ServerId
from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.xml.consoles import add_screen, add_serial
from busway.hypervisor.xml.device import add_device
from busway.hypervisor.xml.disks import add_disks
from busway.hypervisor.xml.element import add_text
from busway.hypervisor.xml.extras import add_extras
from busway.hypervisor.xml.limits import add_cpu_limits, add_disk_limits
from busway.hypervisor.xml.nics import add_nic
from busway.hypervisor.xml.numa import add_emulator, add_numa
from busway.hypervisor.xml.platform import add_platform
from busway.hypervisor.xml.ports import add_ports
from busway.hypervisor.xml.rest import add_rest
from busway.hypervisor.xml.spice import add_spice
from busway.hypervisor.xml.windows import add_windows

NAMESPACE = "urn:busway:server:1"
ET.register_namespace("busway", NAMESPACE)


def domain_name(server_id: ServerId) -> str:
    """The name of a server's domain, which people see in `virsh list`."""
    return f"busway-{server_id[:8]}"


def domain_xml(server: DesiredServer, files: GuestFiles, options: GuestOptions) -> str:
    """Writes the whole definition of a server's domain."""
    domain = ET.Element("domain", type=options.virt_type)
    add_text(domain, "name", domain_name(server.id))
    add_text(domain, "uuid", server.id)
    _add_mark(domain, server)
    add_text(domain, "memory", str(server.ram_mb), unit="MiB")
    machine = server.machine
    _add_backing(domain, machine, options)
    pinned = any(cell.pins for cell in server.cells)
    shared = cpu_list(options.cpus.shared or ())
    add_text(domain, "vcpu", str(server.vcpus), **({"cpuset": shared} if shared and not pinned else {}))
    add_platform(domain, machine, files, options, by_device=bool(server.rescue and server.rescue.bus))
    add_numa(domain, server.cells, pinned=pinned or options.virt_type == "kvm")
    if pinned:
        add_emulator(domain, server.cells, shared if machine.share_emulator else "")
    add_cpu_limits(domain, machine.limits)
    devices = ET.SubElement(domain, "devices")
    layout = guest_layout(server)
    add_ports(devices, layout, usb=server.rescue is not None and server.rescue.bus == "usb")
    add_disks(devices, server, files)
    add_disk_limits(devices, machine.limits.disk)
    for nic, port in layout.nics:
        add_nic(devices, nic, port.index, server, options)
    add_serial(devices, machine, files)
    for slot, port in layout.devices:
        add_device(devices, slot, port, options)
    add_screen(devices, machine, server.render_share)
    if options.spice is not None and machine.video != "none":
        add_spice(devices, options.spice)
    add_extras(devices, machine)
    if layout.spare and not layout.roots:
        add_rest(devices, layout)
    add_windows(domain, layout, server.hotplug_window_mb)
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def read_server_id(xml: str) -> ServerId | None:
    """The server that a domain is of, None for a domain without Busway's mark."""
    mark = ET.fromstring(xml).find(f"metadata/{{{NAMESPACE}}}server")  # noqa: S314 - written by libvirt
    identity = mark.get("id") if mark is not None else None
    return ServerId(identity) if identity else None


def _add_backing(domain: ET.Element, machine: Machine, options: GuestOptions) -> None:
    """Adds where the guest's memory lies, when it is not as usual."""
    parts = ("hugepages",) * options.hugepages + ("locked",) * machine.locked_memory
    if parts:
        backing = ET.SubElement(domain, "memoryBacking")
        for part in parts:
            ET.SubElement(backing, part)


def _add_mark(domain: ET.Element, server: DesiredServer) -> None:
    metadata = ET.SubElement(domain, "metadata")
    ET.SubElement(metadata, f"{{{NAMESPACE}}}server", id=server.id, name=server.name)
