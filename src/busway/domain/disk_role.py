"""The disks of a guest beside its root disk and its configuration drive, and which of them a server must have.

An *ephemeral* disk is a chain of layers with the numbers of the root disk's: so it is new after a rebuild, and a resize that is
reverted gives it back as it was. A *swap* disk holds nothing that is worth keeping: it has the number of the root disk's last layer.
"""

from __future__ import annotations

from enum import StrEnum

from busway.domain.documents import DesiredServer

_PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd"}  # by the bus of the guest's disks
RESCUE = "rescue"


class DiskRole(StrEnum):
    """What such a disk is for, in the words of Nova's flavors."""

    EPHEMERAL = "ephemeral"
    SWAP = "swap"


def wanted_numbers(server: DesiredServer, role: DiskRole) -> tuple[int, ...]:
    """The layers of a role that a server must have, the lowest first; none where its flavor has no such disk."""
    if not size_mb(server, role):
        return ()
    return server.disks if role is DiskRole.EPHEMERAL else server.disks[-1:]


def size_mb(server: DesiredServer, role: DiskRole) -> int:
    """How large a disk of a role is, 0 for none."""
    return server.machine.ephemeral_gb * 1024 if role is DiskRole.EPHEMERAL else server.machine.swap_mb


def disk_names(server: DesiredServer) -> dict[str, str]:
    """What the guest's kernel calls its disks: "root", those of its roles, and "config", in the order of their bus.

    The disk of a rescue comes first, or with a bus of its own last.
    """
    parts = ["root", *(role for role in DiskRole if size_mb(server, role)), "config"]
    prefix, rescue = _PREFIX[server.machine.disk_bus], server.rescue
    if rescue is not None:
        parts = [*parts, RESCUE] if rescue.bus else [RESCUE, *parts]
    names = {str(part): f"{prefix}{letter}" for part, letter in zip(parts, "abcde", strict=False)}
    if rescue is not None and rescue.bus and _PREFIX[rescue.bus] != prefix:
        names[RESCUE] = f"{_PREFIX[rescue.bus]}a"
    return names
