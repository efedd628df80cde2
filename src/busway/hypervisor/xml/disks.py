"""The guest's disks: its root disk, what its flavor gives beside it, its config drive, and the disk that it is rescued from.

The cache works on any file system; O_DIRECT fails on tmpfs and 9p.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from busway.domain.disk_role import RESCUE, DiskRole, disk_names
from busway.domain.documents import DesiredServer
from busway.hypervisor.guest import GuestFiles


def add_disks(devices: ET.Element, server: DesiredServer, files: GuestFiles) -> None:
    """Adds the root disk, the ephemeral and the swap disk where the flavor has them, and the config drive, read only.

    The disk of a rescue comes before them, or with a bus of its own after them: then it says itself that it boots.
    """
    bus, names, rescue = server.machine.disk_bus, disk_names(server), server.rescue
    if "scsi" in (bus, rescue.bus if rescue is not None else ""):
        ET.SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    if rescue is not None and not rescue.bus:
        _add_image(devices, files.rescue, names[RESCUE], bus)
    paths: dict[str, Path] = {"root": files.disk}
    paths |= {role: files.disk_of(role) for role in DiskRole if role in names}
    for part, path in paths.items():
        _add_image(devices, path, names[part], bus)
    if server.has_drive:
        _add_drive(devices, files.config_drive, names["config"], bus)
    if rescue is not None and rescue.bus:
        disk = _add_image(devices, files.rescue, names[RESCUE], rescue.bus, rescue.device)
        ET.SubElement(disk, "boot", order="1")


def _add_drive(devices: ET.Element, path: Path, name: str, bus: str) -> None:
    # QEMU has no SATA disk that is read only.
    drive = ET.SubElement(devices, "disk", type="file", device="cdrom" if bus == "sata" else "disk")
    ET.SubElement(drive, "driver", name="qemu", type="raw")
    ET.SubElement(drive, "source", file=str(path))
    ET.SubElement(drive, "target", dev=name, bus=bus)
    ET.SubElement(drive, "readonly")


def _add_image(devices: ET.Element, path: Path, name: str, bus: str, device: str = "disk") -> ET.Element:
    disk = ET.SubElement(devices, "disk", type="file", device=device)
    ET.SubElement(disk, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
    ET.SubElement(disk, "source", file=str(path))
    ET.SubElement(disk, "target", dev=name, bus=bus)
    if device == "cdrom":
        ET.SubElement(disk, "readonly")
    return disk
