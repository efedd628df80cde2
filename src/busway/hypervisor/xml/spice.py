"""A guest's SPICE screen, on hosts that give it: it listens on the host's network, where a proxy of the operator connects.

libvirt chooses its ports among those from 5900 on. It has no password, as Nova's has none: who reaches the port sees the guest and types
into it. With `secure` it listens for TLS only, with the certificate that qemu.conf names (`spice_tls`).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.console import SpiceEnds
from busway.hypervisor.guest import SpiceOptions

_AGENT_CHANNEL = "com.redhat.spice.0"


def add_spice(devices: ET.Element, options: SpiceOptions) -> None:
    """Adds the screen beside that of VNC, and the channel of SPICE's agent in the guest, which shares clipboard and size."""
    wanted = {"type": "spice", "autoport": "yes"}
    graphics = ET.SubElement(devices, "graphics", wanted, **({"defaultMode": "secure"} if options.secure else {}))
    ET.SubElement(graphics, "listen", type="address", address=options.listen)
    channel = ET.SubElement(devices, "channel", type="spicevmc")
    ET.SubElement(channel, "target", type="virtio", name=_AGENT_CHANNEL)
    ET.SubElement(devices, "audio", id="1", type="none")  # libvirt would add one that is SPICE's


def read_spice(xml: str) -> SpiceEnds | None:
    """Where the SPICE screen of a running domain listens; None where it has none."""
    screen = ET.fromstring(xml).find("devices/graphics[@type='spice']")  # noqa: S314 - written by libvirt
    listen = screen.find("listen[@type='address']") if screen is not None else None
    if screen is None or listen is None:
        return None
    ports = (int(screen.get(name, "-1")) for name in ("port", "tlsPort"))
    port, tls_port = (number if number > 0 else None for number in ports)
    return SpiceEnds(listen.get("address", ""), port, tls_port)
