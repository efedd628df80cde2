"""MakeExtraDisk: makes a swap disk, or a layer of an ephemeral disk."""

from __future__ import annotations

from busway.agent.image_format import check_image
from busway.agent.tools import Tools
from busway.domain.disk_role import DiskRole, size_mb, wanted_numbers
from busway.domain.errors import HostError
from busway.hardware.durable import rename_durably
from busway.reconciler.steps import MakeExtraDisk


def execute(step: MakeExtraDisk, tools: Tools) -> None:
    """Makes the disk under another name first, so that a disk that is there is a whole one."""
    server, role = step.server, step.role
    disk = tools.state.files(server.id, step.number).disk_of(role)
    if disk.exists():
        return
    tools.state.make_folder(server.id)
    fresh = disk.with_name(f".{disk.name}.new")
    fresh.unlink(missing_ok=True)
    layers = wanted_numbers(server, role)
    place = layers.index(step.number)
    if role is DiskRole.EPHEMERAL and place:
        below = tools.state.files(server.id, layers[place - 1]).disk_of(role)
        tools.disks.overlay(below, "qcow2", fresh, size_mb(server, role) // 1024)
    elif role is DiskRole.EPHEMERAL and server.ephemeral_image is not None:
        image = tools.state.image(server.ephemeral_image.sha256)
        check_image(image, server.ephemeral_image.disk_format)
        tools.disks.overlay(image, server.ephemeral_image.disk_format, fresh, size_mb(server, role) // 1024)
    else:
        tools.disks.blank(role, fresh, size_mb(server, role))
    if not fresh.is_file() or not fresh.stat().st_size:
        raise HostError(
            f"The disk {disk} could not be made",
            detail="Its programs ended well and there is no such file.",
            remedy="Check the disk of this host.",
            code="disk-failed",
        )
    rename_durably(fresh, disk)
