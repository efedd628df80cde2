"""Images that are changed, deleted, uploaded and forgotten at once."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from busway.control.images import catalogue as images
from busway.control.images.purge import purge_deleted_images, remove_orphans
from busway.control.images.upload import begin_upload
from busway.domain.errors import Conflict, Forbidden, Unavailable
from busway.domain.ids import ImageId
from busway.domain.image import Image, ImageStatus
from busway.store import images as store
from busway.store.database import Database
from tests.control.clouds import ADMIN, Cloud
from tests.store.turns import until_someone_waits


def queued(cloud: Cloud, name: str, **more: object) -> ImageId:
    now = cloud.time
    image = Image(ImageId(name), name, ImageStatus.QUEUED, ADMIN.project_id, now, now, visibility="private")
    made = replace(image, disk_format="raw", container_format="bare", **more)  # type: ignore[arg-type]
    return images.create_image(cloud.control, ADMIN, made).id


def upload(cloud: Cloud, image_id: ImageId, data: bytes) -> None:
    taken = begin_upload(cloud.control, ADMIN, image_id, None)
    try:
        taken.write(data)
        taken.finish()
    finally:
        taken.abort()


def files(cloud: Cloud) -> list[Path]:
    return [path for path in (cloud.control.state / "images").iterdir() if path.is_file()]


@pytest.mark.postgres
def test_a_change_during_the_end_of_an_upload_keeps_the_data(shared: Cloud) -> None:
    image_id = queued(shared, "a")
    began = threading.Event()

    def rename(image: Image) -> Image:
        began.set()
        until_someone_waits(shared.control.db)  # the upload, for the row that is being changed
        return replace(image, name="renamed")

    changing = threading.Thread(target=images.change_image, args=(shared.control, ADMIN, image_id, rename))
    changing.start()
    assert began.wait(20)
    upload(shared, image_id, b"data")
    changing.join(20)
    found = images.get_image(shared.control, ADMIN, image_id)
    assert (found.name, found.status, found.size) == ("renamed", ImageStatus.ACTIVE, 4)


def test_of_two_uploads_of_an_image_the_later_one_leaves_nothing_behind(cloud: Cloud) -> None:
    image_id = queued(cloud, "a")
    first, second = (begin_upload(cloud.control, ADMIN, image_id, None) for _ in range(2))
    first.write(b"first")
    second.write(b"second")
    kept = first.finish()

    with pytest.raises(Conflict):
        second.finish()

    second.abort()
    assert [path.name for path in files(cloud)] == [kept.sha256]


@pytest.mark.postgres
def test_an_image_that_was_just_protected_is_not_deleted(shared: Cloud) -> None:
    image_id = queued(shared, "a")
    began = threading.Event()

    def protect(image: Image) -> Image:
        began.set()
        until_someone_waits(shared.control.db)
        return replace(image, protected=True)

    changing = threading.Thread(target=images.change_image, args=(shared.control, ADMIN, image_id, protect))
    changing.start()
    assert began.wait(20)
    with pytest.raises(Forbidden, match="protected"):
        images.delete_image(shared.control, ADMIN, image_id)
    changing.join(20)


def test_data_that_was_forgotten_before_its_row_was_written_is_uploaded_again(cloud: Cloud) -> None:
    """Another image with the same data is deleted and forgotten between the rename and the row."""
    first, second = queued(cloud, "first"), queued(cloud, "second")
    upload(cloud, first, b"same")
    images.delete_image(cloud.control, ADMIN, first)
    taken = begin_upload(cloud.control, ADMIN, second, None)
    taken.write(b"same")
    real = cloud.control.db

    class Forgetting(Database):
        def __init__(self) -> None:
            self.__dict__.update(real.__dict__)

        def write(self, *, aside: bool = False, together: bool = False):  # type: ignore[no-untyped-def]
            purge_deleted_images(cloud.control)
            return real.write(aside=aside)

    taken._control = replace(cloud.control, db=Forgetting())
    with pytest.raises(Unavailable, match="was removed while it was stored"):
        taken.finish()
    taken.abort()
    assert images.get_image(cloud.control, ADMIN, second).status is ImageStatus.QUEUED
    upload(cloud, second, b"same")
    assert len(files(cloud)) == 1


def test_old_data_without_an_image_is_removed_and_young_data_stays(cloud: Cloud) -> None:
    image_id = queued(cloud, "kept")
    upload(cloud, image_id, b"kept")
    folder = cloud.control.state / "images"
    for name in ("old", "young"):
        (folder / name).write_bytes(b"left behind")
    now = cloud.time.timestamp()
    for path in files(cloud):
        os.utime(path, (now, now if path.name == "young" else now - 7200))
    remove_orphans(cloud.control)
    kept = images.get_image(cloud.control, ADMIN, image_id)
    assert {path.name for path in files(cloud)} == {"young", kept.sha256}


def test_an_image_that_can_not_be_forgotten_holds_up_no_other(cloud: Cloud) -> None:
    made = [queued(cloud, name) for name in ("a", "b")]
    for image_id in made:
        upload(cloud, image_id, image_id.encode())
        images.delete_image(cloud.control, ADMIN, image_id)
    with cloud.control.db.read() as tx:
        sha256 = str(next(image.sha256 for image in store.list_deleted_images(tx) if image.id == "a"))
    stuck = cloud.control.state / "images" / sha256
    stuck.unlink()
    stuck.mkdir()
    purge_deleted_images(cloud.control)
    assert files(cloud) == []
    assert cloud.control.loops.all()["image-purge"].items_failed == 1
