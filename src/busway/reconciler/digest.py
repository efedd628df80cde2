"""Short names for what a config drive says and how a guest is defined, so that a change is noticed without reading it."""

from __future__ import annotations

import hashlib

from busway.domain.documents import ConfigDrive, DesiredServer


def config_digest(drive: ConfigDrive) -> str:
    """The SHA-256 of a config drive's three files, each with its length before it."""
    whole = hashlib.sha256()
    for text in (drive.meta_data, drive.network_data, drive.user_data):
        data = text.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


def definition_digest(server: DesiredServer) -> str:
    """The SHA-256 of what a domain is made of: its CPUs, RAM, root disk, network cards and devices."""
    nics = tuple((nic.mac, nic.port, nic.network, nic.driver, nic.physical, nic.vlan) for nic in server.nics)
    parts = (server.vcpus, server.ram_mb, server.disks[-1], nics, server.devices)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
