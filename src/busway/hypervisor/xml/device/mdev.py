"""The kind `mdev` in a domain: a mediated device by its UUID, which the agent has made."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_layout import GuestSlot
from busway.domain.ids import UnitName
from busway.domain.units import Mdev
from busway.hypervisor.guest import GuestOptions


def add_mdev(devices: ET.Element, slot: GuestSlot, _options: GuestOptions) -> ET.Element:
    """Adds the hostdev of a mediated device."""
    unit = slot.grant.unit
    assert isinstance(unit, Mdev)
    device = ET.SubElement(devices, "hostdev", mode="subsystem", type="mdev", managed="no", model="vfio-pci")
    ET.SubElement(ET.SubElement(device, "source"), "address", uuid=unit.uuid)
    return device


def read_mdev(element: ET.Element) -> UnitName:
    """The name of the mediated device that a hostdev gives to the guest."""
    source = element.find("source/address")
    return UnitName(source.get("uuid", "") if source is not None else "")
