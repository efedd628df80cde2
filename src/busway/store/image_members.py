"""Image members: the projects that images are shared with. They are deleted with their image."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Row, String, Table, delete, insert, select, update

from busway.domain.ids import ImageId, ProjectId
from busway.domain.image_member import ImageMember, MemberStatus
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

image_members = Table(
    "image_members",
    metadata,
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    Column("project_id", String(64), primary_key=True, index=True),
    Column("status", String(16), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
)


def add_member(tx: Tx, member: ImageMember) -> None:
    """Adds a member."""
    tx.execute(
        insert(image_members).values(
            image_id=member.image_id,
            project_id=member.project_id,
            status=member.status,
            created=member.created,
            updated=member.updated,
        )
    )


def save_member(tx: Tx, member: ImageMember) -> None:
    """Updates the status of a member."""
    tx.execute(
        update(image_members)
        .where(*_key(member.image_id, member.project_id))
        .values(status=member.status, updated=member.updated)
    )


def find_member(tx: Tx, image_id: ImageId, project_id: ProjectId | str) -> ImageMember | None:
    """Returns a member of an image, or None."""
    row = tx.execute(select(image_members).where(*_key(image_id, project_id))).one_or_none()
    return None if row is None else _member(row)


def list_members(tx: Tx, image_id: ImageId) -> list[ImageMember]:
    """Lists all members of an image, by project."""
    chosen = select(image_members).where(image_members.c.image_id == image_id)
    return [_member(row) for row in tx.execute(chosen.order_by(image_members.c.project_id))]


def delete_member(tx: Tx, image_id: ImageId, project_id: ProjectId | str) -> None:
    """Deletes a member."""
    tx.execute(delete(image_members).where(*_key(image_id, project_id)))


def _key(image_id: ImageId, project_id: ProjectId | str) -> tuple[Any, ...]:
    return (image_members.c.image_id == image_id, image_members.c.project_id == project_id)


def _member(row: Row[Any]) -> ImageMember:
    return ImageMember(row.image_id, ProjectId(row.project_id), MemberStatus(row.status), row.created, row.updated)
