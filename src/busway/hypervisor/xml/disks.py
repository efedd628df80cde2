"""The guest's disks: its root disk, what its flavor gives beside it, and its config drive.

The cache works on any file system; O_DIRECT fails on tmpfs and 9p.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from busway.domain.disk_role import DiskRole, disk_names
from busway.domain.documents import DesiredServer
from busway.hypervisor.guest import GuestFiles


def add_disks(devices: ET.Element, server: DesiredServer, files: GuestFiles) -> None:
    """Adds the root disk, the ephemeral and the swap disk where the flavor has them, and the config drive, read only."""
    bus, names = server.machine.disk_bus, disk_names(server)
    if bus == "scsi":
        ET.SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    paths: dict[str, Path] = {"root": files.disk}
    paths |= {role: files.disk_of(role) for role in DiskRole if role in names}
    for part, path in paths.items():
        disk = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(disk, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
        ET.SubElement(disk, "source", file=str(path))
        ET.SubElement(disk, "target", dev=names[part], bus=bus)
    drive = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(drive, "driver", name="qemu", type="raw")
    ET.SubElement(drive, "source", file=str(files.config_drive))
    ET.SubElement(drive, "target", dev=names["config"], bus=bus)
    ET.SubElement(drive, "readonly")
