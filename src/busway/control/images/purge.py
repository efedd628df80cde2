"""Deletes the rows of deleted images that are no longer needed, and files that no row refers to.

Files are named by SHA-256, and several images may share one. An upload renames its file before it writes its row.
Therefore a file is deleted in the turn `DATA` after a check of the rows; a file without a row, which a crash can
leave, only when it is old. The same holds in the folder of each store by itself.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from busway.control.context import Control
from busway.control.images.catalogue import DATA
from busway.control.images.stores import folder_of, folders_of, is_there
from busway.control.loops.items import each
from busway.domain.ids import ImageId
from busway.store import disk_uploads, images, moves, servers
from busway.store.database import Tx, take_turn

ORPHAN_AGE = timedelta(hours=1)
STALE_AGE = timedelta(days=1)  # of temporary files: no upload or import takes so long


def purge_deleted_images(control: Control) -> None:
    """Deletes the row of each deleted image that no server, move or upload needs, then its file if no other row has it."""
    with control.db.read() as tx:
        deleted = {image.id for image in images.list_deleted_images(tx)}
        unneeded = deleted - _needed(tx, deleted) if deleted else set()
    each(control, "image-purge", sorted(unneeded), partial(_purge, control))


def remove_orphans(control: Control) -> None:
    """Deletes old files that no row refers to, and old temporary files, in each store."""
    each(control, "image-purge", folders_of(control).items(), partial(_tidy, control))


def _tidy(control: Control, one: tuple[str, Path]) -> None:
    store, folder = one
    old = _older(folder, control.now() - ORPHAN_AGE)
    with control.db.read() as tx:
        unused = [name for name in old if not images.is_data_used(tx, name, store)]
    each(control, "image-purge", unused, partial(_remove, control, store))
    for name in _older(folder / "tmp", control.now() - STALE_AGE):
        (folder / "tmp" / name).unlink(missing_ok=True)


def _older(folder: Path, before: datetime) -> list[str]:
    """The names of the files of a folder that were last written before a time; none where there is no folder."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < before.timestamp():
                found.append(path.name)
    return found


def _needed(tx: Tx, wanted: set[ImageId]) -> set[ImageId]:
    found = servers.images_in_use(tx, wanted)
    sides = [side for move in moves.list_open_moves(tx) for side in (move.source, move.target)]
    found |= {each for side in sides for each in (side.image_id, side.ephemeral_image_id) if each}
    return found | {upload.image_id for upload in disk_uploads.list_uploads(tx)}


def _purge(control: Control, image_id: ImageId) -> None:
    with control.db.write() as tx:
        image = images.find_image(tx, image_id, lock=True)
        if image is None or image.deleted is None or image_id in _needed(tx, {image_id}):
            return
        images.purge_image(tx, image_id)
    if image.sha256 is not None:
        remove_data(control, image.sha256)


def remove_data(control: Control, sha256: str) -> None:
    """Deletes the files with some data in all stores where no row refers to it."""
    for store, folder in folders_of(control).items():
        if is_there(folder / sha256):
            _remove(control, store, sha256)


def _remove(control: Control, store: str, sha256: str) -> None:
    with control.db.write() as tx:
        take_turn(tx, DATA)
        if not images.is_data_used(tx, sha256, store):
            (folder_of(control, store) / sha256).unlink(missing_ok=True)
