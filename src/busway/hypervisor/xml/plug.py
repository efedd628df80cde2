"""One device of a domain alone: as it is plugged into a guest that runs, and as it is found there again.

A device has the place that the guest's whole definition gives it, so that it stays there when the guest is started again.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.documents import DesiredServer, Nic
from busway.domain.grant import Grant
from busway.domain.guest_layout import guest_layout
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.device import READERS, add_device
from busway.hypervisor.xml.nics import add_nic, mac_of


def card_xml(server: DesiredServer, nic: Nic, options: GuestOptions) -> str:
    """One network card of a server; raises `HostError` where its host has no bridge for it."""
    devices = ET.Element("devices")
    port = next(port for each, port in guest_layout(server).nics if each.mac == nic.mac)
    add_nic(devices, nic, port.index, server, options)
    return _written(devices[0])


def device_xml(server: DesiredServer, grant: Grant, options: GuestOptions) -> str:
    """One unit of a server."""
    devices = ET.Element("devices")
    slot, port = next(each for each in guest_layout(server).devices if each[0].grant.unit.name == grant.unit.name)
    add_device(devices, slot, port, options)
    return _written(devices[0])


def find_device(xml: str, thing: str) -> str | None:
    """The card with a MAC address, or what a unit's name stands for, as a domain has it; None when it has none such."""
    devices = ET.fromstring(xml).find("devices")  # noqa: S314 - written by libvirt
    for element in devices if devices is not None else ():
        read = READERS.get((element.tag, element.get("type", "")))
        name = read(element) if read is not None else mac_of(element) if element.tag == "interface" else None
        if name == thing:
            return _written(element)
    return None


def _written(element: ET.Element) -> str:
    ET.indent(element)
    return ET.tostring(element, encoding="unicode")
