"""Root complexes and root ports, in the order and at the places from which firmware numbers the guest's buses.

`busway.domain.guest_layout` decides the address of each.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_layout import GuestLayout, RootPort
from busway.hypervisor.xml.element import add_text, pci_address


def add_ports(devices: ET.Element, layout: GuestLayout, *, usb: bool = False) -> None:
    """Adds the root bus, extra root complexes and all root ports; libvirt adds more ports for disks and the like."""
    ET.SubElement(devices, "controller", type="usb", model="qemu-xhci" if usb else "none")
    ET.SubElement(devices, "controller", type="pci", index="0", model="pcie-root")
    for root in layout.roots:
        expander = ET.SubElement(devices, "controller", type="pci", index=str(root.index), model="pcie-expander-bus")
        target = ET.SubElement(expander, "target", busNr=str(root.bus))
        add_text(target, "node", str(root.cell))
        ET.SubElement(expander, "address", {"type": "pci", **pci_address(0, 0, root.slot, 0)})
    for port in layout.ports:
        add_port(devices, port)


def add_port(devices: ET.Element, port: RootPort) -> None:
    """Adds one root port."""
    controller = ET.SubElement(devices, "controller", type="pci", index=str(port.index), model="pcie-root-port")
    place = {"type": "pci", **pci_address(0, port.parent, port.slot, port.function)}
    ET.SubElement(controller, "address", place if port.function else {**place, "multifunction": "on"})
