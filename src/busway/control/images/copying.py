"""Copies of an image's data in other stores: whole files only, and none that outlives a failure without a row.

A copy is written to a temporary file of its store, compared with the SHA-256 that it must have, synced and renamed. The row
names the stores only when all copies are there, so that readers never see half of one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from busway.control.context import Control
from busway.control.images.data import keep, new_path
from busway.control.images.room import check_disk, storing
from busway.control.images.stores import folder_of, image_path, is_there, taking
from busway.domain.errors import BuswayError, StorageFull, Unavailable
from busway.domain.image import Image

_PIECE = 1024**2
_log = structlog.get_logger("busway.loops")


def copy_to(
    control: Control, image: Image, stores: Iterable[str], watch: Callable[[], None], *, all_must_succeed: bool
) -> tuple[str, ...]:
    """Copies the data of an image to stores that do not have it; returns the stores that failed.

    `watch` is called after each MiB; it stops the copying by raising. Raises `StorageFull` or `Unavailable` where all must
    succeed or none did. What is copied has no row yet (`settled`).
    """
    wanted, failed = tuple(stores), list[str]()
    for store in wanted:
        try:
            _copy(control, image, store, watch)
        except (StorageFull, Unavailable) as error:
            _log.warning("a store did not take an image", store=store, image=image.id, why=str(error))
            failed.append(store)
            if all_must_succeed or len(failed) == len(wanted):
                raise _named(error, store) from error
    return tuple(failed)


def _named(error: BuswayError, store: str) -> BuswayError:
    detail = f"In the store {store}: {error.detail or error.brief}"
    return type(error)(error.brief, detail=detail, remedy=error.remedy, code=error.code)


def _copy(control: Control, image: Image, store: str, watch: Callable[[], None]) -> None:
    """Makes the file of an image in a store; one that is there has the same data, as its name says."""
    if is_there(folder_of(control, store) / str(image.sha256)):
        return
    with taking(store), storing(image):
        path = new_path(control, image, store)
        try:
            check_disk(control, image, path.parent, image.size or 0)
            _write(image_path(control, image), path, str(image.sha256), watch)
            keep(control, path, store, str(image.sha256))
        finally:
            path.unlink(missing_ok=True)


def _write(source: Path, target: Path, sha256: str, watch: Callable[[], None]) -> None:
    digest = hashlib.sha256()
    with (
        source.open("rb") as read,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written,
    ):
        while piece := read.read(_PIECE):
            watch()
            digest.update(piece)
            written.write(piece)
        written.flush()
        os.fsync(written.fileno())
    if digest.hexdigest() != sha256:
        raise Unavailable(
            f"The data in {source} is damaged",
            detail=f"Its SHA-256 is {digest.hexdigest()}.",
            remedy="The operator restores the file from a backup, or deletes this copy of the image.",
            code="image-data-damaged",
        )
