"""The kind `vgpu` in a domain: a PCI hostdev that stays on its vendor's driver, so that libvirt must not manage it.

It is recognised in a domain as every PCI function is, by its address (`busway.hypervisor.xml.device.pci`).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_layout import GuestSlot
from busway.domain.units import VgpuFunction
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.element import pci_address


def add_vgpu(devices: ET.Element, slot: GuestSlot, _options: GuestOptions) -> ET.Element:
    """Adds the hostdev of a virtual function that is a vGPU."""
    unit = slot.grant.unit
    assert isinstance(unit, VgpuFunction)
    device = ET.SubElement(devices, "hostdev", mode="subsystem", type="pci", managed="no")
    ET.SubElement(ET.SubElement(device, "source"), "address", pci_address(*unit.address.numbers))
    return device
