"""An upload of an image's data, crash-safe: temporary file, fsync, rename to its sha256, then the row.

Whatever goes wrong before the row is written, the image stays queued and may be uploaded again. A temporary file that a
crash left behind is removed by the next upload, data without a row by the loop `image-purge`.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from busway.control import quotas
from busway.control.context import Control
from busway.control.images.catalogue import DATA, image_folder, owned_image
from busway.control.images.room import check_disk, check_quota, storing
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound, OverQuota, TooLarge, Unavailable
from busway.domain.image import Image, ImageStatus, check_header
from busway.domain.qcow2 import HEADER_BYTES
from busway.domain.quota import UNLIMITED
from busway.store import images as store
from busway.store.database import Tx, take_turn

_STALE_SECONDS = 86400


class ImageUpload:
    """One upload: `write` chunks, then `finish`; `abort` in every other case. Used by one thread at a time."""

    def __init__(self, control: Control, image: Image, expected: int | None) -> None:
        self._control = control
        self._image = image
        self._expected = expected
        self._limit = control.settings.max_image_bytes
        self._size = 0
        self._header = b""
        self._digests = (hashlib.md5(usedforsecurity=False), hashlib.sha256(), hashlib.sha512())
        folder = image_folder(control) / "tmp"
        with storing(image):
            for part in (folder.parent, folder):
                part.mkdir(mode=0o700, exist_ok=True)
                part.chmod(0o700)  # those of before could be looked into
            _remove_stale(folder, control.now().timestamp())
            check_disk(control, image, folder, expected or 0)
            self._path = folder / f"{image.owner}.{image.id}.{control.new_id()}"
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, chunk: bytes) -> None:
        """Appends data; raises `TooLarge` over the limit, `StorageFull` when the disk has no room."""
        self._size += len(chunk)
        if self._size > self._limit:
            raise _too_large(self._image, self._limit)
        if len(self._header) < HEADER_BYTES:
            self._header = (self._header + chunk)[:HEADER_BYTES]
        check_disk(self._control, self._image, self._path.parent, len(chunk))
        for digest in self._digests:
            digest.update(chunk)
        with storing(self._image):
            self._file.write(chunk)

    def finish(self) -> Image:
        """Checks size and format, makes the data durable and the image active."""
        self._check_complete()
        virtual_size = check_header(str(self._image.disk_format), self._header, self._size)
        with storing(self._image):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        md5, sha256, sha512 = (digest.hexdigest() for digest in self._digests)
        with self._control.db.read() as tx:
            self._check_quota(tx, self._size)
        self._control.crashpoint("image:before-rename")
        data = image_folder(self._control) / sha256
        self._path.rename(data)
        _sync_folder(data.parent)
        with self._control.db.write() as tx:
            take_turn(tx, DATA)  # from here on nobody forgets data that looks unused
            current = self._current(tx)
            _check_queued(current)
            self._check_quota(tx, self._size)
            if not data.exists():
                raise Unavailable(
                    f"The data of image {current.id} was removed while it was stored, because an image with the same "
                    "data was deleted",
                    remedy="Upload it again.",
                )
            done = replace(
                current,
                status=ImageStatus.ACTIVE,
                size=self._size,
                virtual_size=virtual_size,
                md5=md5,
                sha256=sha256,
                sha512=sha512,
                updated=self._control.now(),
            )
            store.save_image(tx, done)
        return done

    def _current(self, tx: Tx) -> Image:
        return store.get_image(tx, self._image.id, lock=True)

    def _check_quota(self, tx: Tx, size: int) -> None:
        check_quota(self._control, tx, self._image, size)

    def abort(self) -> None:
        """Removes what came; the image stays queued. Harmless after `finish`."""
        with suppress(OSError):  # what a full disk did not take, when the file is gone anyway
            self._file.close()
        self._path.unlink(missing_ok=True)

    def truncated(self) -> BadInput:
        """The error for a client that went away in the middle."""
        return BadInput(
            f"The upload of image {self._image.id} was cut off",
            detail=f"{self._size} bytes of {self._expected if self._expected is not None else 'an unknown number'} "
            "arrived.",
            remedy="The image is still queued: upload its data again.",
            code="image-truncated",
        )

    def _check_complete(self) -> None:
        if self._expected is not None and self._size != self._expected:
            raise self.truncated()
        if self._size == 0:
            raise BadInput(
                f"The upload of image {self._image.id} is empty",
                remedy="Check the file; the image is still queued.",
                code="image-empty",
            )


class DiskImageUpload(ImageUpload):
    """The upload of a server's disk by its host: its image may be one that no user sees."""

    def _current(self, tx: Tx) -> Image:
        found = store.find_image(tx, self._image.id, lock=True)
        if found is None:
            raise NotFound(f"Image {self._image.id} is no longer wanted", code="image-not-found")
        return found

    def _check_quota(self, tx: Tx, size: int) -> None:
        """A disk on its way is nobody's image; a snapshot is its project's, and as large as the disk turns out to be."""
        if self._image.deleted is None:
            super()._check_quota(tx, size)


def begin_upload(control: Control, caller: Caller, image_id: str, expected: int | None) -> ImageUpload:
    """Starts the upload of a queued image's data; `expected` is its size in bytes where the client said it."""
    image = owned_image(control, caller, image_id, "upload_image")
    _check_queued(image)
    if image.disk_format is None or image.container_format is None:
        raise BadInput(
            f"Image {image.id} has no disk_format or container_format",
            remedy=f"openstack image set --disk-format qcow2 --container-format bare {image.id}",
            code="image-format-missing",
        )
    if expected is not None and expected > control.settings.max_image_bytes:
        raise _too_large(image, control.settings.max_image_bytes)
    with control.db.read() as tx:
        check_quota(control, tx, image, expected or 1)
        limit = quotas.limit_of(control, tx, image.owner, "image_count_uploading")
    _check_uploading(control, image, limit)
    return ImageUpload(control, image, expected)


def _check_uploading(control: Control, image: Image, limit: int) -> None:
    under_way = len(list((image_folder(control) / "tmp").glob(f"{image.owner}.*"))) if limit != UNLIMITED else 0
    if 0 <= limit <= under_way:
        raise OverQuota(
            f"Quota exceeded for image_count_uploading: {under_way} of {limit} uploads of the project are in progress",
            remedy="Wait until one of them has ended.",
        )


def _check_queued(image: Image) -> None:
    if image.status is not ImageStatus.QUEUED:
        raise Conflict(
            f"Image {image.id} already has data",
            detail="The data of an image never changes, because hosts cache it.",
            remedy="Create another image.",
            code="image-has-data",
        )


def _too_large(image: Image, limit: int) -> TooLarge:
    return TooLarge(
        f"Image {image.id} is larger than {limit} bytes",
        remedy="Shrink it, or raise max_image_bytes in the configuration.",
        code="image-too-large",
    )


def _remove_stale(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        try:
            if now - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
