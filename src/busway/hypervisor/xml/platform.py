"""The machine itself: firmware, CPU, clock, serial port, and none of what libvirt or QEMU would add unasked."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.xml.element import add_text


def add_platform(domain: ET.Element, options: GuestOptions) -> None:
    """Adds machine type, boot order, CPU, clock and what follows when the guest ends."""
    system = ET.SubElement(domain, "os")
    add_text(system, "type", "hvm", arch=options.arch, machine=options.machine)
    ET.SubElement(system, "boot", dev="hd")
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    ET.SubElement(domain, "cpu", mode="host-passthrough" if options.virt_type == "kvm" else "maximum")
    ET.SubElement(domain, "clock", offset="utc")
    for event, act in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        add_text(domain, f"on_{event}", act)


def add_serial(devices: ET.Element, files: GuestFiles) -> None:
    """Adds the serial port, which is the guest's console and is written to a file."""
    for kind, target in (("serial", {"port": "0"}), ("console", {"type": "serial", "port": "0"})):
        port = ET.SubElement(devices, kind, type="file")
        ET.SubElement(port, "source", path=str(files.console), append="off")
        ET.SubElement(port, "target", target)


def add_leftovers(devices: ET.Element) -> None:
    """Entropy for the guest's first boot; and none of the devices that libvirt or QEMU would add unasked."""
    source = ET.SubElement(devices, "rng", model="virtio")
    add_text(source, "backend", "/dev/urandom", model="random")
    ET.SubElement(ET.SubElement(devices, "video"), "model", type="none")
    ET.SubElement(devices, "memballoon", model="none")
