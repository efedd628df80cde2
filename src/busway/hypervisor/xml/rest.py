"""Places for what else is on PCI Express: disks, entropy, controllers, the tablet.

libvirt would put a device without an address behind the first root port that is free, and so behind those that are kept for what is plugged
in. In a guest that has such ports each of these devices gets a root port of its own, after all others.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_layout import GuestLayout, next_port
from busway.hypervisor.xml.element import pci_address
from busway.hypervisor.xml.ports import add_port


def add_rest(devices: ET.Element, layout: GuestLayout) -> None:
    """Gives a root port to each device that has no place yet."""
    if devices.find("channel/target[@type='virtio']") is not None:
        ET.SubElement(devices, "controller", type="virtio-serial", index="0")
    for placed, element in enumerate([each for each in devices if _is_loose(each)]):
        port = next_port(layout, placed)
        add_port(devices, port)
        ET.SubElement(element, "address", {"type": "pci", **pci_address(0, port.index, 0, 0)})


def _is_loose(element: ET.Element) -> bool:
    if element.find("address") is not None:
        return False
    target = element.find("target")
    if element.tag == "disk":
        return target is not None and target.get("bus") == "virtio"
    if element.tag == "controller":
        return element.get("type") in ("scsi", "virtio-serial") or element.get("model") == "qemu-xhci"
    return element.tag == "rng" or (element.tag == "input" and element.get("bus") == "virtio")
