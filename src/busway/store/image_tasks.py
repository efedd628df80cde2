"""Tasks: one for each import of image data."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Row, String, Table, Text, insert, select, update

from busway.domain.ids import ImageId
from busway.domain.image_task import UNDER_WAY, ImageTask, TaskStatus
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.paging import SortKey, page_of

image_tasks = Table(
    "image_tasks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("image_id", String(36), nullable=False, index=True),
    Column("owner", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("given", Json, nullable=False),
    Column("message", Text, nullable=False),
    Column("ended", UtcTime),
    Column("secret", Text, nullable=False, server_default=""),  # sealed
    Index("ix_image_tasks_status", "status"),
    Index("ix_image_tasks_created_id", "created", "id"),
)
_NEWEST = (SortKey(image_tasks.c.created, descending=True), SortKey(image_tasks.c.id, descending=True))
_OLDEST = (SortKey(image_tasks.c.created), SortKey(image_tasks.c.id))


def add_task(tx: Tx, task: ImageTask) -> None:
    """Adds a task."""
    tx.execute(
        insert(image_tasks).values(
            id=task.id,
            status=task.status,
            image_id=task.image_id,
            owner=task.owner,
            user_id=task.user_id,
            request_id=task.request_id,
            created=task.created,
            given=dict(task.given),
            message=task.message,
            ended=task.ended,
            secret=task.secret,
        )
    )


def find_task(tx: Tx, task_id: str) -> ImageTask | None:
    """Returns a task by its id, or None."""
    row = tx.execute(select(image_tasks).where(image_tasks.c.id == task_id)).one_or_none()
    return None if row is None else _task(row)


def list_of_image(tx: Tx, image_id: ImageId, most: int) -> list[ImageTask]:
    """Lists the newest tasks of an image, at most `limit`."""
    chosen = select(image_tasks).where(image_tasks.c.image_id == image_id)
    ordered = chosen.order_by(image_tasks.c.created.desc(), image_tasks.c.id.desc())
    return [_task(row) for row in tx.execute(ordered.limit(most))]


def next_under_way(tx: Tx, without: Collection[str]) -> ImageTask | None:
    """Returns the oldest open task, None if there is none; skips the projects in `without`."""
    chosen = select(image_tasks).where(image_tasks.c.status.in_(UNDER_WAY), image_tasks.c.owner.not_in(without))
    row = tx.execute(chosen.order_by(image_tasks.c.created, image_tasks.c.id).limit(1)).first()
    return None if row is None else _task(row)


def begin_task(tx: Tx, task_id: str) -> None:
    """Records that a task is being worked on."""
    tx.execute(update(image_tasks).where(image_tasks.c.id == task_id).values(status=TaskStatus.PROCESSING))


def end_task(tx: Tx, task_id: str, status: TaskStatus, message: str, now: datetime) -> None:
    """Records how a task has ended, and erases its secret."""
    values = {"status": status, "message": message, "ended": now, "secret": ""}
    tx.execute(update(image_tasks).where(image_tasks.c.id == task_id).values(**values))


def list_tasks(
    tx: Tx, *, status: str | None, marker: str | None, limit: int, oldest_first: bool = False
) -> list[ImageTask]:
    """Lists a page of all tasks; raises `BadInput` for an unknown marker."""
    chosen = select(image_tasks)
    if status is not None:
        chosen = chosen.where(image_tasks.c.status == status)
    after = None if marker is None else image_tasks.c.id == marker
    page = page_of(tx, chosen, _OLDEST if oldest_first else _NEWEST, marker=after, limit=limit)
    return [_task(row) for row in tx.execute(page)]


def _task(row: Row[Any]) -> ImageTask:
    values = dict(row._mapping)
    values["status"] = TaskStatus(values["status"])
    return ImageTask(**values)
