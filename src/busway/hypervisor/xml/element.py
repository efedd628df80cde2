"""Small parts that the rest of the XML is built from: elements with text, PCI addresses."""

from __future__ import annotations

import xml.etree.ElementTree as ET


def add_text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    """Adds an element that holds a text."""
    ET.SubElement(parent, tag, attributes).text = text


def pci_address(domain: int, bus: int, slot: int, function: int) -> dict[str, str]:
    """The attributes of an address as libvirt writes them."""
    return {"domain": f"0x{domain:04x}", "bus": f"0x{bus:02x}", "slot": f"0x{slot:02x}", "function": f"0x{function:x}"}
