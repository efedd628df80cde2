"""MakeDisk: makes the root disk as a qcow2 overlay on the cached image."""

from __future__ import annotations

from busway.agent.image_format import virtual_size
from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.reconciler.steps import MakeDisk

_GB = 1 << 30


def execute(step: MakeDisk, tools: Tools) -> None:
    """Makes the disk under another name first, so that a disk that is there is a whole one."""
    server = step.server
    disk = tools.state.files(server.id).disk
    if disk.exists():
        return
    image = tools.state.image(server.image.sha256)
    size = virtual_size(image, server.image.disk_format)
    if server.disk_gb and size > server.disk_gb * _GB:
        raise HostError(
            f"Image {server.image.id} is larger than the flavor's disk",
            detail=f"The image has {size} bytes, the disk {server.disk_gb * _GB}.",
            remedy="Choose a flavor with a larger disk.",
            code="image-too-big",
        )
    tools.state.make_folder(server.id)
    fresh = disk.with_name(".disk.qcow2.new")
    fresh.unlink(missing_ok=True)
    tools.make_disk(image, server.image.disk_format, fresh, server.disk_gb)
    fresh.replace(disk)
