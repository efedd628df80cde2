"""The copies of an image's data in stores, once it has data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from busway.control.context import Control
from busway.control.images.catalogue import owned_in
from busway.control.images.copying import copy_to
from busway.control.images.data import settled
from busway.control.images.purge import remove_data
from busway.control.images.room import check_quota
from busway.control.images.stores import is_there, places_of
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, BuswayError, Conflict, Forbidden, NotFound
from busway.domain.image import NOT_YET, WITH_DATA, Image
from busway.domain.image_task import ImageTask, TaskStatus
from busway.store import image_tasks
from busway.store import images as store_of_images
from busway.store.database import Tx

TOPIC = "image-import"


def delete_copy(control: Control, caller: Caller, store: str, image_id: str) -> None:
    """Deletes the copy of an image in one store, also one that is not configured any more.

    Raises `NotFound` where there is none, `Conflict` while the image is imported, `Forbidden` for the last copy.
    """
    with control.db.write() as tx:
        image = owned_in(tx, caller, image_id, "delete_image_location", lock=True)
        if image.status in NOT_YET:
            raise Conflict(
                f"Image {image.id} is {image.status}",
                remedy=f"Wait until it is active: openstack image show {image.id}",
                code="image-importing",
            )
        if store not in image.stores:
            raise NotFound(
                f"The store {store[:255]} has no copy of image {image.id}",
                detail=f"Its data is in {', '.join(image.stores) or 'no store'}.",
                code="image-no-copy",
            )
        left = replace(image, stores=tuple(each for each in image.stores if each != store), updated=control.now())
        if not any(is_there(path) for path in places_of(control, left)):
            raise Forbidden(
                f"The copy of image {image.id} in the store {store} is the last one",
                remedy=f"Copy it to another store first, or delete the image: openstack image delete {image.id}",
                code="image-last-copy",
            )
        store_of_images.save_image(tx, left)
    remove_data(control, str(image.sha256))


def begin_copy(control: Control, task: ImageTask, stores: Sequence[str], *, skip: bool) -> ImageTask:
    """Hands a copy to more stores over to the loop `image-import`; `skip` passes over the stores that have one.

    Raises `BadInput` for a store that has one already, `Conflict` for an image without data, and while it is copied.
    """
    with control.db.write() as tx:
        image = copied_image(tx, task)
        if image.importing_to:
            raise Conflict(
                f"Image {image.id} is being copied to {', '.join(image.importing_to)}",
                remedy=f"Wait until that has ended: openstack image show {image.id}",
                code="image-importing",
            )
        missing = tuple(each for each in stores if each not in image.stores)
        if not skip and len(missing) < len(stores):
            raise BadInput(
                f"Image {image.id} is already present at store '{next(each for each in stores if each in image.stores)}'",
                remedy="Name the other stores, or all of them: openstack image import --method copy-image --all-stores",
                code="image-import-store",
            )
        check_quota(control, tx, image, (image.size or 0) * (len(image.stores) + len(missing)))
        now = control.now()
        store_of_images.save_image(tx, replace(image, importing_to=missing, failed_import=(), updated=now))
        task = task if missing else replace(task, status=TaskStatus.SUCCESS, ended=now)
        image_tasks.add_task(tx, task)
    control.bell.ring(TOPIC)
    return task


def copied_image(tx: Tx, task: ImageTask) -> Image:
    """Returns the image of a copy, locked; raises `NotFound` or `Conflict` where it has no data any more."""
    image = store_of_images.get_image(tx, task.image_id, lock=True)
    if image.status not in WITH_DATA:
        raise Conflict(
            f"Image {image.id} is {image.status}: only an image with data can be copied",
            remedy="Upload or import its data first.",
            code="image-no-data",
        )
    return image


def run_copy(control: Control, task: ImageTask, image: Image, watch: Callable[[], None]) -> None:
    """Copies an image to the stores that its row names, and writes that it is there."""
    wanted = image.importing_to or ()
    try:
        failed = copy_to(control, image, wanted, watch, all_must_succeed=task.all_must_succeed)
    except BuswayError:
        remove_data(control, str(image.sha256))
        raise
    settled(control, str(image.sha256), partial(_settle, control, task, wanted, failed))


def _settle(control: Control, task: ImageTask, wanted: Sequence[str], failed: Sequence[str], tx: Tx) -> Image:
    image, now = copied_image(tx, task), control.now()
    stores = (*image.stores, *(each for each in wanted if each not in failed and each not in image.stores))
    check_quota(control, tx, image, (image.size or 0) * len(stores))
    done = replace(image, stores=stores, importing_to=(), failed_import=tuple(failed), updated=now)
    store_of_images.save_image(tx, done)
    image_tasks.end_task(tx, task.id, TaskStatus.SUCCESS, "", now)
    return done
