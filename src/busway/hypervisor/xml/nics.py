"""The guest's network cards, each on a bridge of its host."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.documents import DesiredServer, Nic
from busway.domain.errors import HostError
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.element import pci_address

_MOST_QUEUES = 8


def add_nic(devices: ET.Element, nic: Nic, port: int, server: DesiredServer, options: GuestOptions) -> None:
    """Adds one card behind its root port, under a name that its packet filter knows before it is there; raises `HostError` without a bridge."""
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
    ET.SubElement(card, "model", type=server.machine.nic_model)
    if server.machine.multiqueue and server.machine.nic_model == "virtio":
        ET.SubElement(card, "driver", name="vhost", queues=str(min(server.vcpus, _MOST_QUEUES)))
    ET.SubElement(card, "address", {"type": "pci", **pci_address(0, port, 0, 0)})
