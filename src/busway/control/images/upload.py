"""Uploads of image data, safe against crashes: temporary file, fsync, rename to the SHA-256, then the row.

If anything fails before the row is written, the image stays queued and can be uploaded again. The loop `image-purge`
removes temporary files that a crash has left, and files without a row.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from functools import partial

from busway.control import quotas
from busway.control.context import Control
from busway.control.images.arriving import count_uploading
from busway.control.images.catalogue import owned_image
from busway.control.images.data import Digests, StoredData, adopt, new_path
from busway.control.images.room import check_disk, check_quota, check_room, room_of, staging_room_of, storing
from busway.control.images.stores import usual_store
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, NotFound, OverQuota, TooLarge
from busway.domain.image import DISK_FORMATS, Image, ImageStatus, check_formats, check_header, check_is_no_disk
from busway.domain.image_boot import check_unsigned
from busway.domain.qcow2 import HEADER_BYTES
from busway.domain.quota import UNLIMITED
from busway.store import images as store
from busway.store.database import Tx


class ImageUpload:
    """One upload: call `write` for each chunk, then `finish`; always call `abort` at the end. Not thread-safe."""

    _becomes = ImageStatus.ACTIVE

    def __init__(self, control: Control, image: Image, expected: int | None, store: str | None = None) -> None:
        self._control = control
        self._store = store or usual_store(control)
        self._image = image
        self._expected = expected
        self._limit = control.settings.max_image_bytes
        with control.db.read() as tx:
            self._room = self._room_of(tx)
        self._header = b""
        self._digests = Digests(control.settings.hashing_algorithm)
        with storing(image):
            self._path = new_path(control, image, self._store)
            check_disk(control, image, self._path.parent, expected or 0)
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, chunk: bytes) -> None:
        """Appends data; raises `TooLarge` above the limit or quota, `StorageFull` if the disk is full."""
        size = self._digests.size + len(chunk)
        if size > self._limit:
            raise _too_large(self._image, self._limit)
        check_room(self._image, size, self._room)
        if len(self._header) < HEADER_BYTES:
            self._header = (self._header + chunk)[:HEADER_BYTES]
        check_disk(self._control, self._image, self._path.parent, len(chunk))
        self._digests.update(chunk)
        with storing(self._image):
            self._file.write(chunk)

    @property
    def md5(self) -> str:
        """The MD5 of what came until now, as hex digits."""
        return self._digests.found().md5

    def finish(self) -> Image:
        """Checks size and format, syncs the data to disk, and writes the image; returns it."""
        self._check_complete()
        virtual_size = self._virtual_size()
        with storing(self._image):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        found = self._digests.found()
        with self._control.db.read() as tx:
            self._check_quota(tx)
        return adopt(self._control, self._path, self._store, found, partial(self._settle, found, virtual_size))

    def _settle(self, found: StoredData, virtual_size: int | None, tx: Tx) -> Image:
        current = self._current(tx)
        self._check_awaited(current)
        self._check_quota(tx)
        now = self._control.now()
        stored = replace(found.of(current), stores=(self._store,))
        done = replace(stored, status=self._becomes, virtual_size=virtual_size, updated=now)
        store.save_image(tx, done)
        return done

    def _check_awaited(self, current: Image) -> None:
        _check_queued(current)

    def _virtual_size(self) -> int | None:
        """Returns the size of the disk in bytes; raises `BadInput` for data in another format than the image's."""
        return check_header(str(self._image.disk_format), self._header, self._digests.size)

    def _current(self, tx: Tx) -> Image:
        return store.get_image(tx, self._image.id, lock=True)

    def _room_of(self, tx: Tx) -> int | None:
        return room_of(self._control, tx, self._image)

    def _check_quota(self, tx: Tx) -> None:
        check_room(self._image, self._digests.size, self._room_of(tx))

    def abort(self) -> None:
        """Removes the temporary file; the image stays queued. Does nothing after `finish`."""
        with suppress(OSError):  # what a full disk did not take, when the file is gone anyway
            self._file.close()
        self._path.unlink(missing_ok=True)

    def truncated(self) -> BadInput:
        """Returns the error for a client that has disconnected before the end."""
        return BadInput(
            f"The upload of image {self._image.id} was cut off",
            detail=f"{self._digests.size} bytes of {self._expected if self._expected is not None else 'an unknown number'} "
            "arrived.",
            remedy="The image is still queued: upload its data again.",
            code="image-truncated",
        )

    def _check_complete(self) -> None:
        if self._expected is not None and self._digests.size != self._expected:
            raise self.truncated()
        if self._digests.size == 0:
            raise BadInput(
                f"The upload of image {self._image.id} is empty",
                remedy="Check the file; the image is still queued.",
                code="image-empty",
            )


class StagedUpload(ImageUpload):
    """An upload that is imported later: until then nobody can read it."""

    _becomes = ImageStatus.UPLOADING

    def _room_of(self, tx: Tx) -> int | None:
        return staging_room_of(self._control, tx, self._image)

    def _virtual_size(self) -> int | None:
        return None


class FetchedUpload(StagedUpload):
    """Data of an import that the control plane downloads itself."""

    _becomes = ImageStatus.IMPORTING

    def _check_awaited(self, current: Image) -> None:
        if current.status is not ImageStatus.IMPORTING or current.sha256 is not None:
            raise Conflict(
                f"Image {current.id} is {current.status}: nothing is fetched for it", code="image-not-staged"
            )


class DiskImageUpload(ImageUpload):
    """The upload of a server's disk by its host; its image may be invisible to users.

    A server is shelved whatever the quotas of images say: its disk counts there, and is never refused.
    """

    def _current(self, tx: Tx) -> Image:
        found = store.find_image(tx, self._image.id, lock=True)
        if found is None:
            raise NotFound(f"Image {self._image.id} is no longer wanted", code="image-not-found")
        return found

    def _room_of(self, tx: Tx) -> int | None:
        """Returns the room of a snapshot in its project's quota; None for a disk that moves or is kept."""
        of_user = self._image.deleted is None and self._image.disk_of is None
        return super()._room_of(tx) if of_user else None


def begin_upload(
    control: Control, caller: Caller, image_id: str, expected: int | None, store: str | None = None
) -> ImageUpload:
    """Starts the upload of a queued image to a store, the default one for None.

    `expected` is its size in bytes, None if unknown. Raises `BadInput` for an unknown store.
    """
    [chosen] = control.settings.image_stores.choose([store] if store else [])
    image = _uploadable(control, caller, image_id, expected)
    if image.disk_format not in DISK_FORMATS:
        raise BadInput(
            f"Image {image.id} of the format {image.disk_format} must be imported",
            detail=f"Hosts read {' and '.join(DISK_FORMATS)}; data of another format is converted at its import.",
            remedy=f"openstack image create --import --disk-format {image.disk_format} --file FILE NAME",
            code="image-needs-import",
        )
    return ImageUpload(control, image, expected, chosen)


def begin_stage(control: Control, caller: Caller, image_id: str, expected: int | None) -> ImageUpload:
    """Starts the upload of data that is imported later."""
    return StagedUpload(control, _uploadable(control, caller, image_id, expected), expected)


def _uploadable(control: Control, caller: Caller, image_id: str, expected: int | None) -> Image:
    image = owned_image(control, caller, image_id, "upload_image")
    check_is_no_disk(image)
    _check_queued(image)
    check_unsigned(image.properties)
    check_formats(image)
    if expected is not None and expected > control.settings.max_image_bytes:
        raise _too_large(image, control.settings.max_image_bytes)
    with control.db.read() as tx:
        check_quota(control, tx, image, expected or 1)
        _check_uploading(control, tx, image)
    return image


def _check_uploading(control: Control, tx: Tx, image: Image) -> None:
    limit = quotas.limit_of(control, tx, image.owner, "image_count_uploading")
    if limit == UNLIMITED:
        return
    under_way = count_uploading(control, tx, image.owner)
    if limit <= under_way:
        raise OverQuota(
            f"Quota exceeded for image_count_uploading: {under_way} of {limit} images of the project are uploaded, staged or "
            "imported now",
            remedy="Wait until one of them has ended, or import what is staged: openstack image import ID.",
        )


def _check_queued(image: Image) -> None:
    if image.status is ImageStatus.IMPORTING:
        raise Conflict(
            f"Image {image.id} is being imported",
            remedy=f"Wait until it is active or queued again: openstack image show {image.id}",
            code="image-importing",
        )
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
