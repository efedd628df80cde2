"""MakeDisk: makes a layer of the root disk, a qcow2 overlay on the cached image or on the layer below; or a rescue's disk."""

from __future__ import annotations

from pathlib import Path

from busway.agent.image_format import check_image, virtual_size
from busway.agent.tools import Tools
from busway.domain.documents import DesiredServer
from busway.domain.errors import HostError
from busway.hardware.durable import rename_durably
from busway.reconciler.steps import MakeDisk

_GB = 1 << 30


def execute(step: MakeDisk, tools: Tools) -> None:
    """Makes the disk under another name first, so that a disk that is there is a whole one."""
    server = step.server
    disk = tools.state.files(server.id, step.number).disk
    if disk.exists():
        return
    rescues = step.number == server.rescue_disk
    base, base_format = _rescue_base(server, tools) if rescues else _base(server, step.number, tools)
    tools.state.make_folder(server.id)
    fresh = disk.with_name(f".{disk.name}.new")
    fresh.unlink(missing_ok=True)
    tools.disks.overlay(base, base_format, fresh, 0 if rescues else server.disk_gb)
    if not fresh.is_file() or not fresh.stat().st_size:
        raise HostError(
            f"The disk {disk} could not be made",
            detail="qemu-img succeeded, but the file does not exist.",
            remedy="Check the disk of this host.",
            code="disk-failed",
        )
    rename_durably(fresh, disk)


def _rescue_base(server: DesiredServer, tools: Tools) -> tuple[Path, str]:
    """The image that the server is rescued with; its disk is as large as that."""
    assert server.rescue is not None
    image = tools.state.image(server.rescue.image.sha256)
    check_image(image, server.rescue.image.disk_format)
    return image, server.rescue.image.disk_format


def _base(server: DesiredServer, number: int, tools: Tools) -> tuple[Path, str]:
    """What the layer reads from, and its format: the layer below; for the lowest one the image, which must fit."""
    place = server.disks.index(number)
    if place:
        return tools.state.files(server.id, server.disks[place - 1]).disk, "qcow2"
    image = tools.state.image(server.image.sha256)
    check_image(image, server.image.disk_format)  # again: what was checked when it came may have been changed since
    size = virtual_size(image, server.image.disk_format)
    if server.disk_gb and size > server.disk_gb * _GB:
        raise HostError(
            f"Image {server.image.id} is larger than the flavor's disk",
            detail=f"The image has {size} bytes, the disk {server.disk_gb * _GB}.",
            remedy="Choose a flavor with a larger disk.",
            code="image-too-big",
        )
    return image, server.image.disk_format
