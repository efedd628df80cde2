"""Forgets the data of deleted images that no server needs any more, and data that a crash left without an image."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.images.purge import purge_deleted_images, remove_orphans
from busway.control.loops.loop import Loop


def _turn(control: Control) -> None:
    purge_deleted_images(control)
    remove_orphans(control)


LOOP = Loop("image-purge", seconds=30.0, turn=_turn)
