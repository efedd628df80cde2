"""The address space that is kept behind spare root ports, so that the BARs of a device that is plugged in have room.

Firmware gives each root port windows as large as what it finds behind it, and next to nothing to an empty one. A guest's kernel does not make
them larger afterwards (acpiphp): a GPU that is plugged in has no BARs and no driver. QEMU's own properties of a root port say
what firmware must keep: `pref64-reserve` for 64-bit prefetchable BARs, `mem-reserve` for all others, which lie below 4 GiB.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_layout import GuestLayout

NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
LOW_MB = 32  # of a GPU its registers, and its ROM
ET.register_namespace("qemu", NAMESPACE)


def add_windows(domain: ET.Element, layout: GuestLayout, window_mb: int) -> None:
    """Adds the windows of a guest's spare ports; nothing where nobody has asked for any.

    libvirt takes them as settings for QEMU that it does not know (a namespace of its own), by its own names of its controllers.
    """
    if not window_mb or not layout.spare:
        return
    override = ET.SubElement(domain, f"{{{NAMESPACE}}}override")
    for port in layout.spare:
        device = ET.SubElement(override, f"{{{NAMESPACE}}}device", alias=f"pci.{port.index}")
        frontend = ET.SubElement(device, f"{{{NAMESPACE}}}frontend")
        for name, size in (("pref64-reserve", window_mb), ("mem-reserve", LOW_MB)):
            words = {"name": name, "type": "unsigned", "value": str(size << 20)}
            ET.SubElement(frontend, f"{{{NAMESPACE}}}property", words)
