"""The root complex and its root ports, in the order and at the places from which firmware numbers the guest's buses.

Where each thing is found is `busway.domain.guest_layout`'s to say.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.hypervisor.xml.element import pci_address

_FUNCTIONS = 8  # in one slot of the root bus; slot 0 is the host bridge's


def add_ports(devices: ET.Element, last: int) -> None:
    """Adds the root complex with the root ports 1 to `last`; libvirt adds more after them for disks and the like."""
    ET.SubElement(devices, "controller", type="usb", model="none")
    ET.SubElement(devices, "controller", type="pci", index="0", model="pcie-root")
    for port in range(1, last + 1):
        controller = ET.SubElement(devices, "controller", type="pci", index=str(port), model="pcie-root-port")
        slot, function = divmod(port - 1, _FUNCTIONS)
        place = {"type": "pci", **pci_address(0, 0, slot + 1, function)}
        ET.SubElement(controller, "address", place if function else {**place, "multifunction": "on"})
