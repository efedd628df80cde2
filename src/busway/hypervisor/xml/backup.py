"""The copy of one disk of a guest that runs, as libvirt is asked for it (https://libvirt.org/formatbackup.html)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path


def backup_xml(domain: str, disk: Path, target: Path) -> str | None:
    """Asks for a full copy of one disk into a new qcow2 file; None for a domain that has no such disk."""
    for each in ET.fromstring(domain).iterfind("devices/disk"):  # noqa: S314 - libvirt's own words
        source, name = each.find("source"), each.find("target")
        if source is not None and name is not None and source.get("file") == str(disk):
            return _ask_for(name.get("dev", ""), target)
    return None


def _ask_for(name: str, target: Path) -> str:
    root = ET.Element("domainbackup", mode="push")
    copied = ET.SubElement(ET.SubElement(root, "disks"), "disk", name=name, type="file")
    ET.SubElement(copied, "target", file=str(target))
    ET.SubElement(copied, "driver", type="qcow2")
    return ET.tostring(root, encoding="unicode")
