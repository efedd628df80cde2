"""Whether there is room for an image's data: on the disk, and within its project's quota."""

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
from busway.domain.quota import UNLIMITED
from busway.store import images as store
from busway.store.database import Tx

MIB = 1024**2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def storing(image: Image) -> Iterator[None]:
    """Raises `StorageFull` where the disk, a quota on it or a limit of the process ends a write."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise storage_full(image, error.strerror or "") from error


def check_disk(control: Control, image: Image, folder: Path, more: int) -> None:
    """Raises `StorageFull` when `more` bytes would leave less than the reserve, which is for all but images."""
    reserve = control.settings.image_disk_reserve_mb * MIB
    free = shutil.disk_usage(folder).free
    if free - more < reserve:
        raise storage_full(image, f"{free} bytes are free, {reserve} of them are kept for the database and the log")


def check_quota(control: Control, tx: Tx, image: Image, size: int) -> None:
    """Raises `TooLarge` when an image of `size` bytes would exceed the image storage quota of its project."""
    limit = quotas.limit_of(control, tx, image.owner, "image_size_total")
    used = store.sum_sizes(tx, image.owner)
    if limit != UNLIMITED and used + size > limit * MIB:
        raise TooLarge(
            f"Image {image.id} would exceed the image storage quota of its project",
            detail=f"It has {size} bytes or more; {used} bytes of {limit} MiB are used.",
            remedy="Delete images that nobody needs, or ask an admin to raise the quota: "
            f"`busway quota set --project PROJECT image_size_total={limit + -(-size // MIB)}`.",
            code="image-quota",
        )


def storage_full(image: Image, why: str) -> StorageFull:
    """The error for data that has no room."""
    return StorageFull(
        f"There is not enough space for the data of image {image.id}",
        detail=f"{why}. The image is still queued.",
        remedy="The operator must free space on the control plane's disk, or move the images to a larger one.",
        code="image-store-full",
    )
