"""The kind `nic` in a domain: a VF as an interface, so that libvirt sets MAC and VLAN through its PF; a whole card as a function.

Libvirt puts MAC and VLAN of a VF back when its domain ends, whoever binds its driver.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_layout import GuestSlot
from busway.domain.units import NicFunction
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.device.pci import add_function
from busway.hypervisor.xml.element import pci_address


def add_nic_function(devices: ET.Element, slot: GuestSlot, options: GuestOptions) -> ET.Element:
    """Adds the interface or the hostdev of a network card's function."""
    unit = slot.grant.unit
    assert isinstance(unit, NicFunction)
    if not unit.is_virtual:
        return add_function(devices, slot, options)
    card = ET.SubElement(devices, "interface", type="hostdev", managed="no")
    if unit.mac:
        ET.SubElement(card, "mac", address=unit.mac)
    ET.SubElement(card, "driver", name="vfio")
    source = ET.SubElement(card, "source")
    ET.SubElement(source, "address", {"type": "pci", **pci_address(*unit.address.numbers)})
    if unit.vlan:
        ET.SubElement(ET.SubElement(card, "vlan"), "tag", id=str(unit.vlan))
    if not options.rom_bar:
        ET.SubElement(card, "rom", bar="off")
    return card
