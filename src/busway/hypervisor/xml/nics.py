"""The guest's network cards, each on a bridge of its host."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.documents import DesiredServer, Nic
from busway.domain.errors import HostError
from busway.domain.guest_network import OVERLAY
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.element import pci_address
from busway.hypervisor.xml.limits import add_card_limits

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
    if nic.driver == OVERLAY:
        plugged = ET.SubElement(card, "virtualport", type="openvswitch")
        ET.SubElement(plugged, "parameters", interfaceid=nic.port)  # by which OVN knows the port
    add_card_limits(card, server.machine.limits)
    ET.SubElement(card, "target", dev=nic.tap)
    ET.SubElement(card, "model", type=server.machine.nic_model)
    if server.machine.multiqueue and server.machine.nic_model == "virtio":
        ET.SubElement(card, "driver", name="vhost", queues=str(min(server.vcpus, _MOST_QUEUES)))
    ET.SubElement(card, "address", {"type": "pci", **pci_address(0, port, 0, 0)})


def read_cards(xml: str) -> tuple[str, ...]:
    """The MAC addresses of the cards that a domain has on bridges, in its order; a VF is one of its devices."""
    found = ET.fromstring(xml).iterfind("devices/interface")  # noqa: S314 - written by libvirt
    return tuple(mac for element in found if element.get("type") != "hostdev" and (mac := mac_of(element)))


def mac_of(element: ET.Element) -> str:
    """The MAC address of a card, in lower case; "" for one without."""
    mac = element.find("mac")
    return mac.get("address", "").lower() if mac is not None else ""
