"""The use cases of imports: data that is staged, or fetched, becomes an image's, and a task says what came of it.

Staged data has its place and its digests already. Where nothing is fetched or converted, an import is one look at its first bytes
and one transaction, within the request. All else is done by the loop `image-import`; its image is `importing` until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from busway.control.context import Control
from busway.control.images.catalogue import get_image, image_path, owned_image
from busway.control.images.purge import remove_data
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, BuswayError, Conflict, NotFound
from busway.domain.ids import ImageId
from busway.domain.image import Image, ImageStatus, check_header
from busway.domain.image_task import DIRECT, STORE, WEB_DOWNLOAD, ImageTask, TaskStatus
from busway.domain.qcow2 import HEADER_BYTES
from busway.policy import authorize
from busway.store import image_tasks
from busway.store import images as store
from busway.store.database import Tx

MOST_TASKS = 100  # in one answer
TOPIC = "image-import"


def methods_of(control: Control) -> tuple[str, ...]:
    """How data may come into an image: nothing is fetched where the operator has allowed no host."""
    return (DIRECT, WEB_DOWNLOAD) if control.settings.imports.allows_any else (DIRECT,)


def import_image(
    control: Control, caller: Caller, image_id: str, given: Mapping[str, Any], stores: Sequence[str], request_id: str
) -> ImageTask:
    """Makes an image of its staged data, or of what is fetched. Data of another format is forgotten: the task says why.

    Then the image is queued again. Raises `BadInput` for a method, a store or a URL that is not allowed, `Conflict` for an image
    in another state.
    """
    method = _method(control, given)
    unknown = sorted(set(stores) - {STORE})
    if unknown:
        raise BadInput(
            f"There is no store {unknown[0]}", detail=f"The only store is {STORE}.", code="image-import-store"
        )
    image = owned_image(control, caller, image_id, "modify_image")
    if method == WEB_DOWNLOAD:
        _check_fetchable(image)
        control.settings.imports.check_url(str(given["method"].get("uri") or ""))
    elif image.status is not ImageStatus.UPLOADING:
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
    if method == WEB_DOWNLOAD or control.settings.conversion.is_needed(str(image.disk_format)):
        return _begin(control, image, task)
    return _import_now(control, image, task)


def _method(control: Control, given: Mapping[str, Any]) -> str:
    method = str(given.get("method", {}).get("name", ""))
    if method not in methods_of(control):
        raise BadInput(
            f"The import method {method} is not allowed",
            detail=f"There is {', '.join(methods_of(control))}. Busway fetches from no host that its operator has not allowed.",
            remedy="Download the image, then stage and import it: openstack image create --import --file FILE NAME",
            code="image-import-method",
        )
    return method


def _check_fetchable(image: Image) -> None:
    if image.status is not ImageStatus.QUEUED:
        raise Conflict(
            f"Image {image.id} is {image.status}: only an image without data fetches some",
            remedy="Create another image.",
            code="image-has-data",
        )
    if image.disk_format is None or image.container_format is None:
        raise BadInput(
            f"Image {image.id} has no disk_format or container_format",
            remedy=f"openstack image set --disk-format qcow2 --container-format bare {image.id}",
            code="image-format-missing",
        )


def _begin(control: Control, image: Image, task: ImageTask) -> ImageTask:
    """Leaves an import to the loop."""
    with control.db.write() as tx:
        current = _unchanged(tx, image)
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
    """The row of an image that nobody gave data, or took it away, since it was seen."""
    current = store.get_image(tx, seen.id, lock=True)
    if (current.status, current.sha256) != (seen.status, seen.sha256):
        raise _not_staged(current)
    return current


def with_data_of(image: Image, other: Image) -> Image:
    """An image with the data of another."""
    return replace(image, size=other.size, md5=other.md5, sha256=other.sha256, sha512=other.sha512)


def without_data(image: Image) -> Image:
    """The image as it was before it had data."""
    empty = replace(image, size=None, virtual_size=None, md5=None, sha256=None, sha512=None)
    return replace(empty, status=ImageStatus.QUEUED)


def _checked(control: Control, staged: Image) -> tuple[Image, str]:
    """The image with its data, or queued without it and why."""
    try:
        with image_path(control, staged).open("rb") as file:
            size = check_header(str(staged.disk_format), file.read(HEADER_BYTES), staged.size or 0)
    except BuswayError as error:
        return without_data(staged), str(error)
    return replace(staged, status=ImageStatus.ACTIVE, virtual_size=size), ""


def tasks_of_image(control: Control, caller: Caller, image_id: str) -> list[ImageTask]:
    """The newest tasks of an image that the caller sees."""
    image = get_image(control, caller, image_id)
    with control.db.read() as tx:
        return image_tasks.list_of_image(tx, ImageId(image.id), MOST_TASKS)


def list_tasks(
    control: Control, caller: Caller, *, status: str | None, marker: str | None, limit: int, oldest_first: bool
) -> list[ImageTask]:
    """A page of the tasks of all images, for those whom the rule lets."""
    authorize(caller, "tasks_api_access")
    with control.db.read() as tx:
        return image_tasks.list_tasks(tx, status=status, marker=marker, limit=limit, oldest_first=oldest_first)


def get_task(control: Control, caller: Caller, task_id: str) -> ImageTask:
    """One task; raises `NotFound`."""
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
