"""Images; their data is in files named by SHA-256."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from busway.domain.documents import ImageRef
from busway.domain.errors import NotFound
from busway.domain.ids import ImageId
from busway.domain.image import NOT_YET, ImageStatus
from busway.domain.image import Image as Image
from busway.store.database import Tx
from busway.store.json_list import holds
from busway.store.metadata import Big, Json, UtcTime, metadata
from busway.store.owners import Owners, owned_by

images = Table(
    "images",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255)),
    Column("status", String(16), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("disk_format", String(20)),
    Column("container_format", String(20)),
    Column("size", Big),
    Column("virtual_size", Big),
    Column("md5", String(32)),
    Column("sha256", String(64), index=True),
    Column("hash_algo", String(64)),
    Column("hash_value", String(128)),
    Column("min_disk", Integer, nullable=False),
    Column("min_ram", Integer, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("tags", Json, nullable=False),
    Column("properties", Json, nullable=False),
    Column("deleted", UtcTime),
    Column("stores", Json, nullable=False, server_default="[]"),
    Column("importing_to", Json),
    Column("failed_import", Json),
    Column("disk_of", String(36)),
    Index("ix_images_deleted_created_id", "deleted", "created", "id"),
    Index("ix_images_name_deleted", "name", "deleted"),
    Index("ix_images_owner_deleted_created_id", "owner", "deleted", "created", "id"),
    Index("ix_images_status_deleted_created_id", "status", "deleted", "created", "id"),
    Index("ix_images_md5_deleted_created_id", "md5", "deleted", "created", "id"),
    Index("ix_images_hash_value_deleted_created_id", "hash_value", "deleted", "created", "id"),
)

_LISTS = ("tags", "stores", "importing_to", "failed_import")
_IS_STAGED = images.c.status.in_([str(each) for each in NOT_YET])


def add_image(tx: Tx, image: Image) -> None:
    """Adds an image."""
    tx.execute(insert(images).values(**_values(image)))


def save_image(tx: Tx, image: Image) -> None:
    """Updates all fields of an image."""
    tx.execute(update(images).where(images.c.id == image.id).values(**_values(image)))


def find_image(tx: Tx, image_id: str, *, lock: bool = False) -> Image | None:
    """Returns an image, even a deleted one, or None; `lock` locks it until the transaction ends."""
    statement = select(images).where(images.c.id == image_id)
    row = tx.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else image_of(row)


def find_images(tx: Tx, image_ids: Iterable[ImageId]) -> dict[ImageId, Image]:
    """Returns the images with these ids that exist, deleted ones included."""
    wanted = set(image_ids)
    rows = tx.execute(select(images).where(images.c.id.in_(wanted))) if wanted else ()
    return {image.id: image for image in map(image_of, rows)}


def get_image(tx: Tx, image_id: str, *, lock: bool = False) -> Image:
    """Returns an image that is not deleted; raises `NotFound`. `lock` locks it until the transaction ends."""
    image = find_image(tx, image_id, lock=lock)
    if image is None or image.deleted is not None:
        raise image_not_found(image_id)
    return image


def image_not_found(image_id: str) -> NotFound:
    """Returns the error for an image that does not exist or that the caller may not see."""
    return NotFound(
        f"Image {image_id} not found",
        remedy="List the images that you may use: openstack image list",
        code="image-not-found",
    )


def get_image_ref(tx: Tx, image_id: str) -> ImageRef:
    """Returns what a host needs to fetch an image, even a deleted one that servers use; raises `NotFound`."""
    image = find_image(tx, image_id)
    if image is None or image.sha256 is None or image.size is None or image.disk_format is None:
        raise NotFound(f"Image {image_id} has no data", code="image-no-data")
    return ImageRef(image.id, image.sha256, image.size, image.disk_format)


def list_data(tx: Tx) -> list[Image]:
    """Lists the images with data, deleted ones that servers need included."""
    rows = tx.execute(select(images).where(images.c.sha256.is_not(None)).order_by(images.c.id))
    return [image_of(row) for row in rows]


def count_by_store(tx: Tx) -> dict[str, int]:
    """Counts the images with data in each store, also in stores that the configuration does not have any more."""
    counts: Counter[str] = Counter()
    grouped = select(cast(images.c.stores, Text), func.count()).group_by(cast(images.c.stores, Text))
    for stores, count in tx.execute(grouped):
        counts.update(dict.fromkeys(json.loads(stores), count))
    return dict(counts)


def count_images(tx: Tx, owner: Owners) -> int:
    """Returns how many images a project has, or several projects together."""
    return int(tx.execute(select(func.count()).select_from(images).where(_of(owner))).scalar_one())


def sum_sizes(tx: Tx, owner: Owners, but: str = "", *, is_staged: bool = False) -> int:
    """Returns the bytes of all copies of the images of one or several projects, without the image `but`.

    `is_staged` counts staged data only.
    """
    of_others = _of(owner) & (images.c.id != but)
    if is_staged:
        of_others &= _IS_STAGED
    return int(
        tx.execute(
            select(func.coalesce(func.sum(images.c.size * func.json_array_length(images.c.stores)), 0)).where(of_others)
        ).scalar_one()
    )


def list_staged_ids(tx: Tx, owner: str) -> list[ImageId]:
    """Lists the images of a project whose data is staged or being imported."""
    return list(tx.execute(select(images.c.id).where(_of(owner), _IS_STAGED)).scalars())


def list_deleted_images(tx: Tx) -> list[Image]:
    """Lists the deleted images that still have rows, because servers may need their data."""
    return [image_of(row) for row in tx.execute(select(images).where(images.c.deleted.is_not(None)))]


def mark_image_deleted(tx: Tx, image_id: ImageId, now: datetime) -> None:
    """Marks an image as deleted, which hides it; its data stays until `purge_image`."""
    tx.execute(update(images).where(images.c.id == image_id).values(deleted=now, updated=now))


def purge_image(tx: Tx, image_id: ImageId) -> None:
    """Deletes the row of an image."""
    tx.execute(delete(images).where(images.c.id == image_id))


def is_data_used(tx: Tx, sha256: str, store: str) -> bool:
    """Returns True if any image row, deleted or not, refers to this data in this store."""
    wanted = select(images.c.id).where(images.c.sha256 == sha256, holds(tx, images.c.stores, store))
    return tx.execute(wanted.limit(1)).first() is not None


def _of(owner: Owners) -> ColumnElement[bool]:
    return owned_by(images.c.owner, owner) & images.c.deleted.is_(None)


def _values(image: Image) -> dict[str, Any]:
    values = asdict(image)
    for name in _LISTS:
        values[name] = None if values[name] is None else list(values[name])
    values["properties"] = dict(image.properties)
    return values


def image_of(row: Row[Any]) -> Image:
    """Reads an image from a row."""
    values = dict(row._mapping)
    values["status"] = ImageStatus(values["status"])
    for name in _LISTS:
        values[name] = None if values[name] is None else tuple(values[name])
    return Image(**values)
