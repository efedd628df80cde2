"""The guest's network cards: on the host's bridge, or on QEMU's user network where there is none."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET

from busway.domain.documents import Nic
from busway.hypervisor.guest import GuestOptions


def add_nic(devices: ET.Element, nic: Nic, options: GuestOptions) -> None:
    """Adds one card."""
    card = ET.SubElement(devices, "interface", type="bridge" if options.bridge else "user")
    ET.SubElement(card, "mac", address=nic.mac)
    if options.bridge:
        ET.SubElement(card, "source", bridge=options.bridge)
    ET.SubElement(card, "model", type="virtio")
    if not options.bridge and nic.address:
        network = ipaddress.ip_network(f"{nic.address}/{nic.prefix}", strict=False)
        ET.SubElement(card, "ip", family="ipv4", address=str(network.network_address), prefix=str(nic.prefix))
