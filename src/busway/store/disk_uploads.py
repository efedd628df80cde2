"""Requested disk uploads: images as which hosts must upload disks of servers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, ForeignKey, Integer, Row, String, Table, delete, insert, select

from busway.domain.ids import HostId, ImageId, ServerId
from busway.store.database import Tx
from busway.store.metadata import metadata


class UploadPurpose(StrEnum):
    """Why a disk is uploaded."""

    MOVE = "move"
    EPHEMERAL = "ephemeral"  # the ephemeral disk of a server that moves; the others are for root disks
    SHELVE = "shelve"
    IMAGE = "image"


SEEN = frozenset({UploadPurpose.SHELVE, UploadPurpose.IMAGE})  # users see the images of these

disk_uploads = Table(
    "disk_uploads",
    metadata,
    Column("image_id", String(36), primary_key=True),
    Column("server_id", String(36), nullable=False, index=True),
    Column("host_id", ForeignKey("hosts.id"), nullable=False, index=True),
    Column("purpose", String(16), nullable=False),
    Column("rotation", Integer),
)


@dataclass(frozen=True, slots=True)
class DiskUpload:
    """A requested upload that has not been processed yet; `rotation` is how many backups are kept, None for no backup."""

    image_id: ImageId
    server_id: ServerId
    host_id: HostId
    purpose: UploadPurpose
    rotation: int | None = None


def add_upload(tx: Tx, upload: DiskUpload) -> None:
    """Requests a disk from a host."""
    tx.execute(
        insert(disk_uploads).values(
            image_id=upload.image_id,
            server_id=upload.server_id,
            host_id=upload.host_id,
            purpose=str(upload.purpose),
            rotation=upload.rotation,
        )
    )


def list_uploads(tx: Tx, *, server_id: ServerId | None = None, host_id: HostId | None = None) -> list[DiskUpload]:
    """Lists all requested uploads, or those of a server or host."""
    statement = select(disk_uploads).order_by(disk_uploads.c.image_id)
    if server_id is not None:
        statement = statement.where(disk_uploads.c.server_id == server_id)
    if host_id is not None:
        statement = statement.where(disk_uploads.c.host_id == host_id)
    return [_upload(row) for row in tx.execute(statement)]


def end_upload(tx: Tx, image_id: ImageId) -> None:
    """Deletes the request for a disk."""
    tx.execute(delete(disk_uploads).where(disk_uploads.c.image_id == image_id))


def _upload(row: Row[tuple[object, ...]]) -> DiskUpload:
    values = dict(row._mapping)
    return DiskUpload(
        ImageId(str(values["image_id"])),
        ServerId(str(values["server_id"])),
        HostId(str(values["host_id"])),
        UploadPurpose(str(values["purpose"])),
        values["rotation"],
    )
