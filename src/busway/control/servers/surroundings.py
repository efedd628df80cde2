"""What an answer about servers tells beyond the servers: whether their hosts are up, their images' properties."""

from __future__ import annotations

from collections.abc import Iterable

from busway.control.context import Control
from busway.control.placement.snapshot import is_up
from busway.domain.ids import ImageId
from busway.domain.image import Image
from busway.store import hosts, images


def host_states(control: Control) -> dict[str, str]:
    """Nova's `host_status` by host name: UP, DOWN or MAINTENANCE (taken out of service)."""
    now = control.now()
    with control.db.read() as tx:
        return {
            host.name: ("UP" if is_up(control.settings, host, now) else "DOWN") if host.enabled else "MAINTENANCE"
            for host in hosts.list_hosts(tx)
        }


def server_images(control: Control, image_ids: Iterable[ImageId]) -> dict[ImageId, Image]:
    """The images that servers were made from, deleted ones too as long as their rows are there."""
    with control.db.read() as tx:
        found = {image_id: images.find_image(tx, image_id) for image_id in set(image_ids)}
    return {image_id: image for image_id, image in found.items() if image is not None}
