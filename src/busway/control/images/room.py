"""Limits of the size of images: free disk space, and the quotas of their project and domain."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from busway.control import quotas
from busway.control.context import Control
from busway.domain.errors import StorageFull, TooLarge
from busway.domain.image import Image
from busway.store import images as store
from busway.store.database import Tx

MIB = 1024**2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def storing(image: Image) -> Iterator[None]:
    """Converts errors of a full disk, a file system quota or a file size limit within the block to `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise storage_full(image, error.strerror or "") from error


def check_disk(control: Control, image: Image, folder: Path, more: int) -> None:
    """Raises `StorageFull` if `more` bytes would leave less free space than the configured reserve."""
    reserve = control.settings.image_disk_reserve_mb * MIB
    free = shutil.disk_usage(folder).free
    if free - more < reserve:
        raise storage_full(image, f"{free} bytes are free, {reserve} of them are kept for the database and the log")


def room_of(control: Control, tx: Tx, image: Image) -> int | None:
    """Returns how many bytes an image may have within the image quota of its project and domain; None for no limit."""
    return _room(control, tx, image, is_staged=False)


def staging_room_of(control: Control, tx: Tx, image: Image) -> int | None:
    """Returns the same for data that is staged for an import, which has a quota of its own too."""
    rooms = [_room(control, tx, image, is_staged=each) for each in (False, True)]
    return min((room for room in rooms if room is not None), default=None)


def _room(control: Control, tx: Tx, image: Image, *, is_staged: bool) -> int | None:
    resource = "image_stage_total" if is_staged else "image_size_total"
    known = quotas.limits_on(control, tx, image.owner, resource)
    rooms = [limit * MIB - store.sum_sizes(tx, of, but=image.id, is_staged=is_staged) for of, limit in known]
    return max(0, min(rooms)) if rooms else None


def check_quota(control: Control, tx: Tx, image: Image, size: int) -> None:
    """Raises `TooLarge` if an image of `size` bytes would exceed the image quota of its project."""
    check_room(image, size, room_of(control, tx, image))


def check_room(image: Image, size: int, room: int | None) -> None:
    """Raises `TooLarge` if `size` exceeds `room` bytes; None is no limit."""
    if room is not None and size > room:
        raise TooLarge(
            f"Image {image.id} would exceed the image storage quota of its project",
            detail=f"It has {size} bytes or more; the project has room for {room} bytes.",
            remedy="Delete images that nobody needs, import what is staged, or ask an admin to raise the quota: "
            f"`busway quota set --project PROJECT image_size_total=MIB`, by {-(-(size - room) // MIB)} MiB or more "
            "(image_stage_total for staged data).",
            code="image-quota",
        )


def storage_full(image: Image, why: str) -> StorageFull:
    """Returns the error for data that does not fit."""
    return StorageFull(
        f"There is not enough space for the data of image {image.id}",
        detail=f"{why}. The image is still queued.",
        remedy="The operator must free space on the control plane's disk, or move the images to a larger one.",
        code="image-store-full",
    )
