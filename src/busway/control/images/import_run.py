"""The loop `image-import`: fetches, checks and converts the data of imports, and activates the image or records the error.

A task that a crash interrupts stays open: the next turn starts it again, from the fetched data if that has a row
already. At most `MOST_AT_ONCE` imports run at once, one per project, so that slow downloads of one project do not
delay the others. At most `MOST_CONVERTING` convert at once, because each uses a CPU core.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog

from busway.control.context import Control
from busway.control.images.conversion import Conversion, convert
from busway.control.images.copies import copied_image, run_copy
from busway.control.images.copying import copy_to
from busway.control.images.data import digests_of, keep, new_path, settled
from busway.control.images.fetching import fetch_url
from busway.control.images.importing import with_data_of, without_data
from busway.control.images.purge import remove_data
from busway.control.images.remote_image import fetch_remote
from busway.control.images.room import check_disk, check_quota, room_of, storing
from busway.control.images.stores import folder_of, image_path, left_by, usual_store
from busway.domain.disk_formats import look_at
from busway.domain.errors import BuswayError, Conflict, NotFound, Raced
from busway.domain.image import DISK_FORMATS, WITH_DATA, Image, ImageStatus, check_header, check_properties
from busway.domain.image_task import COPY, GLANCE_DOWNLOAD, ImageTask, TaskStatus
from busway.domain.qcow2 import HEADER_BYTES
from busway.store import image_tasks
from busway.store import images as store
from busway.store.database import DATABASE_TROUBLE, Tx

MOST_AT_ONCE = 16
MOST_CONVERTING = 2
_LOOK_SECONDS = 5.0
_IDLE_SECONDS = 0.5
_log = structlog.get_logger("busway.loops")


class _StoppingError(Exception):
    """The process is stopping: the task stays open."""


def run_imports(control: Control) -> None:
    """Works until no import is left or the process stops."""
    turn = _Turn(control)
    try:
        while not control.loops.stopping.is_set() and turn.trouble is None:
            was_idle = (
                turn.is_idle()
            )  # asked first: one that ends meanwhile may be followed by another one of its project
            if not turn.begin_next():
                if was_idle:
                    break
                turn.wait()
    finally:
        turn.end()
    if turn.trouble is not None:
        raise turn.trouble


@dataclass
class _Turn:
    """The running imports of one turn: one thread per project."""

    control: Control
    trouble: Exception | None = None
    converting: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MOST_CONVERTING))
    _busy: dict[str, threading.Thread] = field(default_factory=dict)  # by project
    _over: threading.Condition = field(default_factory=threading.Condition)

    def begin_next(self) -> bool:
        """Starts the oldest task of a project that has none running; False if there is none, or too many run."""
        with self._over:
            if len(self._busy) >= MOST_AT_ONCE:
                return False
            busy = frozenset(self._busy)
        with self.control.db.read() as tx:
            task = image_tasks.next_under_way(tx, busy)
        if task is None:
            return False
        thread = threading.Thread(target=self._work, args=(task,), name=f"import {task.id}", daemon=True)
        with self._over:
            self._busy[task.owner] = thread
        thread.start()
        return True

    def is_idle(self) -> bool:
        """Returns True if no task is running."""
        with self._over:
            return not self._busy

    def wait(self) -> None:
        """Waits until a task ends, at most `_IDLE_SECONDS`."""
        with self._over:
            if self._busy:
                self._over.wait(_IDLE_SECONDS)

    def end(self) -> None:
        """Waits until all running tasks have ended."""
        with self._over:
            threads = list(self._busy.values())
        for thread in threads:
            thread.join()

    def _work(self, task: ImageTask) -> None:
        try:
            _run(self.control, task, self.converting)
        except Exception as error:  # of the turn: the loop logs it, and the next turn tries again
            self.trouble = error
        finally:
            with self._over:
                del self._busy[task.owner]
                self._over.notify()


def _run(control: Control, task: ImageTask, converting: threading.BoundedSemaphore) -> None:
    try:
        _import(control, task, converting)
    except _StoppingError:
        return
    except (*DATABASE_TROUBLE, Raced):
        raise
    except BuswayError as error:
        _log.info("an import was refused", task=task.id, image=task.image_id, why=str(error))
        _fail(control, task, str(error))
    except Exception as error:
        control.loops.item_failed("image-import", error)
        _log.error("an import failed; the others continue", task=task.id, exc_info=error)
        _fail(
            control,
            task,
            f"Something unexpected happened: {type(error).__name__}. Tell the operator the id of the task.",
        )


def _import(control: Control, task: ImageTask, converting: threading.BoundedSemaphore) -> None:
    with control.db.write() as tx:
        image_tasks.begin_task(tx, task.id)
        image = _importing(tx, task)
    for left in left_by(control, image):
        left.unlink(missing_ok=True)  # of a process that was killed
    watch = _Watch(control, task, image)
    if task.method == COPY:
        run_copy(control, task, image, watch)
        return
    made = image
    if task.method == GLANCE_DOWNLOAD:
        image, made = fetch_remote(control, task, image, watch)
    elif task.url and image.sha256 is None:
        made = image = fetch_url(control, task.url, image, watch)
    made = replace(made, virtual_size=_look(control, made))
    if control.settings.conversion.is_needed(str(made.disk_format)):
        while not converting.acquire(timeout=_LOOK_SECONDS):
            watch()
        try:
            made = _convert(control, made, watch)
        finally:
            converting.release()
    _distribute(control, task, image, made, watch)


def _distribute(control: Control, task: ImageTask, image: Image, made: Image, watch: Callable[[], None]) -> None:
    """Copies data to the stores of an import, activates its image with it, and removes what is not needed any more."""
    stores = image.importing_to or (usual_store(control),)  # an older Busway named none
    try:
        failed = copy_to(control, made, stores, watch, all_must_succeed=task.all_must_succeed)
    except BuswayError:
        remove_data(control, str(made.sha256))
        raise
    kept = tuple(each for each in stores if each not in failed)
    made = replace(made, stores=kept, importing_to=(), failed_import=failed)
    settled(control, str(made.sha256), partial(_settle, control, task, image, made))
    for sha256 in {str(image.sha256), str(made.sha256)}:
        remove_data(control, sha256)


def _importing(tx: Tx, task: ImageTask) -> Image:
    """Returns the image of a task; raises `NotFound` or `Conflict` if it is no longer imported."""
    if task.method == COPY:
        return copied_image(tx, task)
    image = store.get_image(tx, task.image_id, lock=True)
    if image.status is not ImageStatus.IMPORTING:
        raise Conflict(f"Image {image.id} is {image.status}: it is not being imported", code="image-not-staged")
    return image


class _Watch:
    """A callback for long operations; raises if the process stops, the image is no longer imported, or the disk is full."""

    def __init__(self, control: Control, task: ImageTask, image: Image) -> None:
        self._control = control
        self._task = task
        self._image = image
        self._looked = time.monotonic()

    def __call__(self) -> None:
        if self._control.loops.stopping.is_set():
            raise _StoppingError
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        check_disk(self._control, self._image, folder_of(self._control, usual_store(self._control)), 0)
        with self._control.db.read() as tx:
            expected = WITH_DATA if self._task.method == COPY else {ImageStatus.IMPORTING}
            if store.get_image(tx, self._task.image_id).status not in expected:
                raise Conflict(f"Image {self._image.id} is no longer imported", code="image-not-staged")


def _look(control: Control, image: Image) -> int:
    """Returns the size in bytes of the disk in an image's data; raises `BadInput` for data that must not be opened."""
    path, disk_format, size = image_path(control, image), str(image.disk_format), image.size or 0
    with path.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        if disk_format in DISK_FORMATS:
            return check_header(disk_format, read(0, HEADER_BYTES), size)
        return look_at(disk_format, read, size).virtual_size


def _convert(control: Control, image: Image, watch: Callable[[], None]) -> Image:
    """Returns an image with its data in the format that the operator chose; the new file has no row yet."""
    output, here = control.settings.conversion.output_format, usual_store(control)
    with control.db.read() as tx:
        room = room_of(control, tx, image)
    most = control.settings.max_image_bytes if room is None else min(room, control.settings.max_image_bytes)
    with storing(image):
        target = new_path(control, image, here)
    try:
        source, size = image_path(control, image), image.virtual_size or 0
        convert(Conversion(source, str(image.disk_format), target, output, size, most), watch)
        found = digests_of(target, control.settings.hashing_algorithm, watch)
        size = check_header(output, _head(target), found.size)
        keep(control, target, here, found.sha256)
    finally:
        target.unlink(missing_ok=True)
    return replace(found.of(image), virtual_size=size, disk_format=output, stores=(here,))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def _settle(control: Control, task: ImageTask, image: Image, made: Image, tx: Tx) -> Image:
    """Writes that an image is active with the data of `made`, and that its task has succeeded."""
    current, now = _importing(tx, task), control.now()
    if current.sha256 != image.sha256:
        raise Conflict(f"Image {image.id} has got other data meanwhile", code="image-not-staged")
    check_quota(control, tx, image, made.stored_bytes)
    # Those of another region; what the owner has changed meanwhile stays otherwise.
    copied = {name: value for name, value in made.properties.items() if image.properties.get(name) != value}
    done = replace(with_data_of(current, made), disk_format=made.disk_format, virtual_size=made.virtual_size)
    done = replace(done, container_format=made.container_format, properties={**current.properties, **copied})
    check_properties(done)
    done = replace(done, status=ImageStatus.ACTIVE, importing_to=(), failed_import=made.failed_import, updated=now)
    store.save_image(tx, done)
    image_tasks.end_task(tx, task.id, TaskStatus.SUCCESS, "", now)
    return done


def _fail(control: Control, task: ImageTask, why: str) -> None:
    """Writes that a task has failed and why; the image is queued again without data, or stays as it was before a copy."""
    data = None
    with control.db.write() as tx:
        try:
            image = _importing(tx, task)
        except (NotFound, Conflict):
            pass
        else:
            data = image.sha256
            left = image if task.method == COPY else without_data(image)
            left = replace(left, importing_to=(), failed_import=image.importing_to or ())
            store.save_image(tx, replace(left, updated=control.now()))
        image_tasks.end_task(tx, task.id, TaskStatus.FAILURE, why, control.now())
    if data is not None:
        remove_data(control, data)
