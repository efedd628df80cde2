"""What an answer about servers tells beyond the servers: whether their hosts are up, their images' properties."""

from __future__ import annotations

from collections.abc import Iterable

from busway.control.context import Control
from busway.control.placement.snapshot import is_up
from busway.domain.ids import ImageId
from busway.domain.image import Image
from busway.store import hosts, images


def host_states(control: Control, names: Iterable[str]) -> dict[str, str]:
    """Nova's `host_status` of hosts by their names: UP, DOWN or MAINTENANCE (taken out of service)."""
    now = control.now()
    with control.db.read() as tx:
        return {
            host.name: ("UP" if is_up(control.settings, host, now) else "DOWN") if host.enabled else "MAINTENANCE"
            for host in hosts.list_by_name(tx, names)
        }


def server_images(control: Control, image_ids: Iterable[ImageId]) -> dict[ImageId, Image]:
    """The images that servers were made from, deleted ones too as long as their rows are there."""
    with control.db.read() as tx:
        return images.find_images(tx, image_ids)
