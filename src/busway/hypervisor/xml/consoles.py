"""What a person sees and types at: the serial port with its log, the screen, and where their sockets are.

Both are Unix sockets of the host; nothing listens on a network. Whoever reads the serial port or nobody does: what the guest
writes there is in the log file.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from busway.domain.console import ConsoleKind
from busway.domain.guest_machine import Machine
from busway.domain.units import RenderShare
from busway.hypervisor.guest import GuestFiles
from busway.hypervisor.xml.element import pci_address

# On the root bus, away from the root ports, which begin at slot 1: it takes none of their places.
_VIDEO_SLOT = 0x1E
DEFAULT_VIDEO = "virtio"
_KIB = 1024


def add_serial(devices: ET.Element, machine: Machine, files: GuestFiles) -> None:
    """Adds the serial port that is the guest's console, whose socket libvirt makes, and those that are asked for beside it."""
    port = ET.SubElement(devices, "serial", type="unix")
    ET.SubElement(port, "source", mode="bind", path=str(files.serial))
    ET.SubElement(port, "log", file=str(files.console), append="off")
    ET.SubElement(port, "target", port="0")
    for number in range(1, machine.serial_ports):
        ET.SubElement(ET.SubElement(devices, "serial", type="pty"), "target", port=str(number))


def add_screen(devices: ET.Element, machine: Machine, share: RenderShare | None = None) -> None:
    """Adds a display, VNC on a socket that libvirt names, and a pointer that is where the viewer's is; or none of them.

    With a share of a render node the host draws for the guest (virgl), without a window of its own: libvirt gives QEMU's
    process the node alone, and what VNC shows is read back from it.
    """
    if machine.video == "none":
        ET.SubElement(ET.SubElement(devices, "video"), "model", type="none")
        return
    ET.SubElement(devices, "input", type="tablet", bus="virtio")
    graphics = ET.SubElement(devices, "graphics", type="vnc")
    ET.SubElement(graphics, "listen", type="socket")
    video = ET.SubElement(devices, "video")
    model = ET.SubElement(video, "model", type=machine.video or DEFAULT_VIDEO, heads="1", primary="yes")
    if share is not None:
        ET.SubElement(ET.SubElement(devices, "graphics", type="egl-headless"), "gl", rendernode=share.path)
        ET.SubElement(model, "acceleration", accel3d="yes")
    if machine.video_ram_mb:
        model.set("vram", str(machine.video_ram_mb * _KIB))
    ET.SubElement(video, "address", {"type": "pci", **pci_address(0, 0, _VIDEO_SLOT, 0)})


def read_consoles(xml: str) -> Mapping[ConsoleKind, Path]:
    """The sockets that a running domain's definition names; a guest from before there were consoles has none."""
    devices = ET.fromstring(xml).find("devices")  # noqa: S314 - written by libvirt
    if devices is None:
        return {}
    listen = devices.find("graphics[@type='vnc']/listen[@type='socket']")
    source = devices.find("serial[@type='unix']/source[@mode='bind']")
    found = {
        ConsoleKind.VNC: listen.get("socket") if listen is not None else None,
        ConsoleKind.SERIAL: source.get("path") if source is not None else None,
    }
    return {kind: Path(path) for kind, path in found.items() if path}
