"""The libvirt domain XML of a server: pure, the same answer for the same values.

The form is libvirt's (https://libvirt.org/formatdomain.html). Chosen here: q35, one PCIe root port per passed-through
card, `managed='no'` because the agent binds and releases devices itself, a disk cache that works on any file system
(O_DIRECT fails on tmpfs and 9p), and a namespaced mark in the metadata by which our domains are known.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.address import PciAddress
from busway.domain.documents import DesiredServer, Nic
from busway.domain.errors import HostError
from busway.domain.ids import ServerId
from busway.hypervisor.cards import GuestSlot, guest_slots
from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.xml_numa import add_numa

NAMESPACE = "urn:busway:server:1"
ET.register_namespace("busway", NAMESPACE)


def domain_name(server_id: ServerId) -> str:
    """The name of a server's domain, which people see in `virsh list`."""
    return f"busway-{server_id[:8]}"


def domain_xml(server: DesiredServer, files: GuestFiles, options: GuestOptions) -> str:
    """Writes the whole definition of a server's domain."""
    domain = ET.Element("domain", type=options.virt_type)
    _text(domain, "name", domain_name(server.id))
    _text(domain, "uuid", server.id)
    _add_mark(domain, server)
    _text(domain, "memory", str(server.ram_mb), unit="MiB")
    if options.hugepages:
        ET.SubElement(ET.SubElement(domain, "memoryBacking"), "hugepages")
    _text(domain, "vcpu", str(server.vcpus))
    _add_platform(domain, options)
    add_numa(domain, server.cells, pinned=options.virt_type == "kvm")
    devices = ET.SubElement(domain, "devices")
    slots = guest_slots(device.address for device in server.devices)
    _add_controllers(devices, slots)
    _add_disks(devices, files)
    for nic in server.nics:
        _add_nic(devices, nic, options)
    _add_serial(devices, files)
    for slot in slots:
        _add_host_device(devices, slot, options)
    _add_leftovers(devices)
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def read_server_id(xml: str) -> ServerId | None:
    """The server that a domain is of, None for a domain without Busway's mark."""
    mark = ET.fromstring(xml).find(f"metadata/{{{NAMESPACE}}}server")  # noqa: S314 - written by libvirt
    identity = mark.get("id") if mark is not None else None
    return ServerId(identity) if identity else None


def read_host_devices(xml: str) -> tuple[PciAddress, ...]:
    """The addresses of the host's PCI devices that a domain names, in its order."""
    path = "devices/hostdev[@type='pci']/source/address"
    found = ET.fromstring(xml).iterfind(path)  # noqa: S314 - written by libvirt
    return tuple(_read_address(element) for element in found)


def _add_mark(domain: ET.Element, server: DesiredServer) -> None:
    metadata = ET.SubElement(domain, "metadata")
    ET.SubElement(metadata, f"{{{NAMESPACE}}}server", id=server.id, name=server.name)


def _add_platform(domain: ET.Element, options: GuestOptions) -> None:
    system = ET.SubElement(domain, "os")
    _text(system, "type", "hvm", arch=options.arch, machine=options.machine)
    ET.SubElement(system, "boot", dev="hd")
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    ET.SubElement(domain, "cpu", mode="host-passthrough" if options.virt_type == "kvm" else "maximum")
    ET.SubElement(domain, "clock", offset="utc")
    for event, act in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        _text(domain, f"on_{event}", act)


def _add_controllers(devices: ET.Element, slots: tuple[GuestSlot, ...]) -> None:
    ET.SubElement(devices, "controller", type="usb", model="none")
    ET.SubElement(devices, "controller", type="pci", index="0", model="pcie-root")
    for port in sorted({slot.port for slot in slots}):
        ET.SubElement(devices, "controller", type="pci", index=str(port), model="pcie-root-port")


def _add_disks(devices: ET.Element, files: GuestFiles) -> None:
    root = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(root, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
    ET.SubElement(root, "source", file=str(files.disk))
    ET.SubElement(root, "target", dev="vda", bus="virtio")
    drive = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(drive, "driver", name="qemu", type="raw")
    ET.SubElement(drive, "source", file=str(files.config_drive))
    ET.SubElement(drive, "target", dev="vdb", bus="virtio")
    ET.SubElement(drive, "readonly")


def _add_nic(devices: ET.Element, nic: Nic, options: GuestOptions) -> None:
    """A card on a bridge, under a name that its packet filter knows before it is there."""
    bridge = nic.bridge(options.bridges)
    if bridge is None:
        raise HostError(
            f"This host has no bridge for physical network {nic.physical}",
            detail=f"It has: {', '.join(options.bridges) or 'none'}.",
            remedy=f"Start the agent with --bridge {nic.physical}=BRIDGE.",
            code="no-bridge",
        )
    card = ET.SubElement(devices, "interface", type="bridge")
    ET.SubElement(card, "mac", address=nic.mac)
    ET.SubElement(card, "source", bridge=bridge)
    ET.SubElement(card, "target", dev=nic.tap)
    ET.SubElement(card, "model", type="virtio")


def _add_serial(devices: ET.Element, files: GuestFiles) -> None:
    for kind, target in (("serial", {"port": "0"}), ("console", {"type": "serial", "port": "0"})):
        port = ET.SubElement(devices, kind, type="file")
        ET.SubElement(port, "source", path=str(files.console), append="off")
        ET.SubElement(port, "target", target)


def _add_host_device(devices: ET.Element, slot: GuestSlot, options: GuestOptions) -> None:
    device = ET.SubElement(devices, "hostdev", mode="subsystem", type="pci", managed="no")
    ET.SubElement(ET.SubElement(device, "source"), "address", _address(*slot.host.numbers))
    if not options.rom_bar:
        ET.SubElement(device, "rom", bar="off")
    place = {"type": "pci", **_address(0, slot.port, 0, slot.function)}
    if slot.multifunction:
        place["multifunction"] = "on"
    ET.SubElement(device, "address", place)


def _add_leftovers(devices: ET.Element) -> None:
    """Entropy for the guest's first boot; and none of the devices that libvirt or QEMU would add unasked."""
    source = ET.SubElement(devices, "rng", model="virtio")
    _text(source, "backend", "/dev/urandom", model="random")
    ET.SubElement(ET.SubElement(devices, "video"), "model", type="none")
    ET.SubElement(devices, "memballoon", model="none")


def _address(domain: int, bus: int, slot: int, function: int) -> dict[str, str]:
    return {"domain": f"0x{domain:04x}", "bus": f"0x{bus:02x}", "slot": f"0x{slot:02x}", "function": f"0x{function:x}"}


def _read_address(element: ET.Element) -> PciAddress:
    domain, bus, slot, function = (int(element.get(key, "0"), 0) for key in ("domain", "bus", "slot", "function"))
    return PciAddress(f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}")


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text
