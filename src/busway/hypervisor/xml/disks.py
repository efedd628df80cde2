"""The guest's disks: its root disk and its config drive.

The cache works on any file system; O_DIRECT fails on tmpfs and 9p.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.hypervisor.guest import GuestFiles

_PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd"}


def add_disks(devices: ET.Element, files: GuestFiles, bus: str) -> None:
    """Adds the root disk as the first and the config drive, read only, as the second one of the bus."""
    if bus == "scsi":
        ET.SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    root = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(root, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
    ET.SubElement(root, "source", file=str(files.disk))
    ET.SubElement(root, "target", dev=f"{_PREFIX[bus]}a", bus=bus)
    drive = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(drive, "driver", name="qemu", type="raw")
    ET.SubElement(drive, "source", file=str(files.config_drive))
    ET.SubElement(drive, "target", dev=f"{_PREFIX[bus]}b", bus=bus)
    ET.SubElement(drive, "readonly")
