"""The use cases of imports: staged or fetched data becomes the data of an image; a task records the result.

If nothing is to be fetched, converted or copied to another store, an import checks the first bytes and completes within the request.
Otherwise the loop `image-import` does it, and the image is `importing` until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.identity.vault import sealer
from busway.control.images.catalogue import get_image, owned_image
from busway.control.images.copies import TOPIC, begin_copy
from busway.control.images.purge import remove_data
from busway.control.images.room import check_quota
from busway.control.images.stores import image_path
from busway.domain.boolean import parse_boolean
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, BuswayError, Conflict, NotFound
from busway.domain.ids import ImageId
from busway.domain.image import Image, ImageStatus, check_formats, check_header, check_is_no_disk
from busway.domain.image_task import (
    COPY,
    DIRECT,
    GLANCE_DOWNLOAD,
    METHOD_FIELDS,
    WEB_DOWNLOAD,
    ImageTask,
    TaskStatus,
)
from busway.domain.qcow2 import HEADER_BYTES
from busway.domain.remote_image import read_remote
from busway.policy import authorize
from busway.store import image_tasks
from busway.store import images as store
from busway.store.database import Tx

MOST_TASKS = 100  # in one answer


def methods_of(control: Control) -> tuple[str, ...]:
    """Returns the import methods: `web-download` only if the operator permits hosts, `copy-image` only with several stores.

    `glance-download` is always there, because it asks endpoints of the catalog only, which are the operator's.
    """
    fetching = (WEB_DOWNLOAD,) if control.settings.imports.allows_any else ()
    return (DIRECT, *fetching, GLANCE_DOWNLOAD, *((COPY,) if control.settings.image_stores.several else ()))


_WHY_NOT = {
    WEB_DOWNLOAD: "Busway fetches from no host that its operator has not allowed.",
    COPY: "There is no other store to copy to.",
}


def import_image(
    control: Control,
    caller: Caller,
    image_id: str,
    given: Mapping[str, Any],
    stores: Sequence[str],
    request_id: str,
    token: str = "",
) -> ImageTask:
    """Imports the staged data of an image, or the data at a URL or of another region, into stores; or copies it to more stores.

    `token` is the caller's, with which another region is asked: it is kept sealed until the task ends. Data in another format than the image's is deleted: the image is queued again and its task says why. Raises
    `BadInput` for a method or URL that is not permitted, `Conflict` for an image in another status.
    """
    method = _method(control, given)
    image = owned_image(control, caller, image_id, "copy_image" if method == COPY else "modify_image")
    if method == GLANCE_DOWNLOAD:
        read_remote(given["method"])
        _check_empty(image)
    elif method == WEB_DOWNLOAD:
        _check_empty(image)
        check_formats(image)
        control.settings.imports.check_url(str(given["method"].get("uri") or ""))
    elif method == DIRECT and image.status is not ImageStatus.UPLOADING:
        raise _not_staged(image)
    task = ImageTask(
        id=control.new_id(),
        status=TaskStatus.PENDING,
        image_id=image.id,
        owner=image.owner,
        user_id=caller.user_id,
        request_id=request_id,
        created=control.now(),
        given=given,
    )
    if method == COPY:
        return begin_copy(control, task, stores, skip=parse_boolean(given.get("all_stores", False)) is True)
    if method == GLANCE_DOWNLOAD:
        return _begin(control, image, replace(task, secret=sealer(control).seal(token, task.id)), tuple(stores))
    in_place = tuple(stores) == image.stores and not control.settings.conversion.is_needed(str(image.disk_format))
    if method == WEB_DOWNLOAD or not in_place:
        return _begin(control, image, task, tuple(stores))
    return _import_now(control, image, task)


def _method(control: Control, given: Mapping[str, Any]) -> str:
    method = str(given.get("method", {}).get("name", ""))
    if method not in methods_of(control):
        raise BadInput(
            f"The import method {method} is not allowed",
            detail=f"There is {', '.join(methods_of(control))}. {_WHY_NOT.get(method, '')}".strip(),
            remedy="Download the image, then stage and import it: openstack image create --import --file FILE NAME",
            code="image-import-method",
        )
    if others := sorted(set(given["method"]) - {"name", *METHOD_FIELDS[method]}):
        raise BadInput(
            f"The import method {method} takes no {others[0]}",
            detail=f"Beside its name it takes {', '.join(METHOD_FIELDS[method]) or 'nothing'}.",
            remedy="Omit it, or choose the method that takes it.",
            code="image-import-method",
        )
    return method


def _check_empty(image: Image) -> None:
    check_is_no_disk(image)
    if image.status is not ImageStatus.QUEUED:
        raise Conflict(
            f"Image {image.id} is {image.status}: only an image without data fetches some",
            remedy="Create another image.",
            code="image-has-data",
        )


def _begin(control: Control, image: Image, task: ImageTask, stores: tuple[str, ...]) -> ImageTask:
    """Hands an import into stores over to the loop `image-import`."""
    with control.db.write() as tx:
        current = replace(_unchanged(tx, image), importing_to=stores, failed_import=())
        check_quota(control, tx, current, (current.size or 0) * len(stores))
        store.save_image(tx, replace(current, status=ImageStatus.IMPORTING, updated=control.now()))
        image_tasks.add_task(tx, task)
    control.bell.ring(TOPIC)
    return task


def _import_now(control: Control, staged: Image, task: ImageTask) -> ImageTask:
    made, message = _checked(control, staged)
    with control.db.write() as tx:
        current, now = _unchanged(tx, staged), control.now()
        new = with_data_of(current, made)
        store.save_image(tx, replace(new, status=made.status, virtual_size=made.virtual_size, updated=now))
        status = TaskStatus.FAILURE if message else TaskStatus.SUCCESS
        done = replace(task, status=status, message=message, ended=now)
        image_tasks.add_task(tx, done)
    if message and staged.sha256 is not None:  # the quota of its project counts it no more
        remove_data(control, staged.sha256)
    return done


def _unchanged(tx: Tx, seen: Image) -> Image:
    """Returns the image locked; raises `Conflict` if its data has changed since it was read."""
    current = store.get_image(tx, seen.id, lock=True)
    if (current.status, current.sha256) != (seen.status, seen.sha256):
        raise _not_staged(current)
    return current


def with_data_of(image: Image, other: Image) -> Image:
    """Returns an image with the data of another."""
    digests = {name: getattr(other, name) for name in ("md5", "sha256", "hash_algo", "hash_value")}
    return replace(image, size=other.size, stores=other.stores, **digests)


def without_data(image: Image) -> Image:
    """Returns an image as it was before it had data."""
    empty = replace(image, size=None, virtual_size=None, md5=None, sha256=None, hash_algo=None, hash_value=None)
    return replace(empty, status=ImageStatus.QUEUED, stores=())


def _checked(control: Control, staged: Image) -> tuple[Image, str]:
    """Returns the image with its data; or queued without it, and the reason."""
    try:
        with image_path(control, staged).open("rb") as file:
            size = check_header(str(staged.disk_format), file.read(HEADER_BYTES), staged.size or 0)
    except BuswayError as error:
        return without_data(staged), str(error)
    return replace(staged, status=ImageStatus.ACTIVE, virtual_size=size), ""


def tasks_of_image(control: Control, caller: Caller, image_id: str) -> list[ImageTask]:
    """Lists the newest tasks of an image that the caller may see."""
    image = get_image(control, caller, image_id)
    with control.db.read() as tx:
        return image_tasks.list_of_image(tx, ImageId(image.id), MOST_TASKS)


def list_tasks(
    control: Control, caller: Caller, *, status: str | None, marker: str | None, limit: int, oldest_first: bool
) -> list[ImageTask]:
    """Lists a page of the tasks of all images; needs a rule's permission."""
    authorize(caller, "tasks_api_access")
    with control.db.read() as tx:
        return image_tasks.list_tasks(tx, status=status, marker=marker, limit=limit, oldest_first=oldest_first)


def get_task(control: Control, caller: Caller, task_id: str) -> ImageTask:
    """Returns one task; raises `NotFound`."""
    authorize(caller, "tasks_api_access")
    with control.db.read() as tx:
        found = image_tasks.find_task(tx, task_id)
    if found is None:
        raise NotFound(f"Task {task_id} not found", code="image-task-not-found")
    return found


def _not_staged(image: Image) -> Conflict:
    return Conflict(
        f"Image {image.id} is {image.status}: nothing is staged for it",
        remedy=f"Stage its data first: PUT /image/v2/images/{image.id}/stage",
        code="image-not-staged",
    )
