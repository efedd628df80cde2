"""Short names for what a config drive says and how a guest is defined, so that a change is noticed without reading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from busway.domain.documents import ConfigDrive, DesiredServer
from busway.domain.guest_machine import PLAIN

# Grows when all guests must be defined again before their next start: 2 gave them a screen and a serial socket.
_FORM = 2
_LATER = ("ephemeral_gb", "swap_mb", "hotplug_ports", "hotplug_window_mb", "pages", "share_emulator")


def config_digest(drive: ConfigDrive) -> str:
    """The SHA-256 of a config drive's files, each with its length before it; without vendor data and given files as it was before these."""
    whole = hashlib.sha256()
    vendor = (drive.vendor_data,) if drive.vendor_data else ()
    for text in (drive.meta_data, drive.network_data, drive.user_data, *vendor, *drive.contents):
        data = text.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


def definition_digest(server: DesiredServer) -> str:
    """The SHA-256 of what a domain is made of: its CPUs, cells, RAM, root disk, cards, devices and machine.

    What is hashed is written out here, so that a new field of the document redefines nobody unless it is added.
    """
    parts: list[object] = [_FORM, server.vcpus, server.ram_mb, server.disks[-1]]
    parts += [[nic.mac, nic.address, nic.prefix, nic.gateway] for nic in server.nics]
    parts += [[nic.port, nic.network, nic.driver, nic.physical, nic.vlan] for nic in server.nics]
    parts += [["further", *nic.further] for nic in server.nics if nic.further]
    if server.spare_ports or server.root_ports:
        parts.append(["places", server.spare_ports, server.root_ports, *(nic.root_port for nic in server.nics)])
    if server.hotplug_window_mb:
        parts.append(["window", server.hotplug_window_mb])
    parts += [
        [grant.unit.kind, grant.unit.name, grant.claim_id, grant.port]
        for grant in server.devices
        if grant.unit.is_attached
    ]
    parts += [[cell.vcpus, cell.ram_mb, cell.node, cell.cpus] for cell in server.cells]
    parts += [["pins", *cell.pins] for cell in server.cells if cell.pins]
    parts += [["emulator", *cell.emulator] for cell in server.cells if cell.emulator]
    if server.machine.mirror:
        parts += [grant.node for grant in server.devices]
    if server.render_share is not None:
        parts.append(["render", server.render_share.render_node])
    if not server.has_drive:
        parts.append("no drive")
    if server.rescue is not None:
        parts += [["rescue", server.rescue.number, server.rescue.bus, server.rescue.device]]
    if server.machine != PLAIN:
        parts.append(_without_later(asdict(server.machine)))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _without_later(machine: dict[str, object]) -> dict[str, object]:
    """A machine without the words that it does not have and that came after it."""
    return {word: value for word, value in machine.items() if value or word not in _LATER}
