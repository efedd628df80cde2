"""The kind `function` in a domain: a PCI hostdev that libvirt does not manage, because the agent binds it itself."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.address import PciAddress
from busway.domain.guest_layout import GuestSlot
from busway.domain.ids import UnitName
from busway.domain.units import WholeFunction
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.element import pci_address


def add_function(devices: ET.Element, slot: GuestSlot, options: GuestOptions) -> ET.Element:
    """Adds the hostdev of a whole function."""
    unit = slot.grant.unit
    assert isinstance(unit, WholeFunction)
    device = ET.SubElement(devices, "hostdev", mode="subsystem", type="pci", managed="no")
    ET.SubElement(ET.SubElement(device, "source"), "address", pci_address(*unit.address.numbers))
    if not options.rom_bar:
        ET.SubElement(device, "rom", bar="off")
    return device


def read_function(element: ET.Element) -> UnitName:
    """The name of the function that a hostdev gives to the guest."""
    source = element.find("source/address")
    attributes = source.attrib if source is not None else {}
    numbers = (int(attributes.get(key, "0"), 0) for key in ("domain", "bus", "slot", "function"))
    domain, bus, slot, function = numbers
    return WholeFunction(PciAddress(f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}")).name
