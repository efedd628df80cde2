"""Forgets the data of deleted images that no server needs any more."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.images.catalogue import purge_images
from busway.control.loops.loop import Loop
from busway.store import disk_uploads, images, moves, servers


def purge_deleted_images(control: Control) -> None:
    """Forgets the data of deleted images once no server needs it any more."""
    with control.db.read() as tx:
        in_use = {each for row in servers.list_placed(tx) + servers.list_servers(tx) for each in row.images}
        in_use |= {side.image_id for move in moves.list_open_moves(tx) for side in (move.source, move.target)}
        in_use |= {upload.image_id for upload in disk_uploads.list_uploads(tx)}
        waiting = any(image.id not in in_use for image in images.list_deleted_images(tx))
    if waiting:
        purge_images(control, in_use)


LOOP = Loop("image-purge", seconds=5.0, turn=purge_deleted_images)
