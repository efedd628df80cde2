"""Images for disks that hosts upload: disks that move to another host, disks of shelved servers, images and backups.

No user sees those of moves: they are created in status deleted, so that lists and lookups omit them. `purge` deletes
them with their data once no server, move or upload needs them. The disk of a shelved server is an image of its
project, as in Nova, until the server runs again or is deleted; until then nobody can delete it.
"""

from __future__ import annotations

from collections.abc import Mapping

from busway.control import quotas
from busway.control.context import Control
from busway.control.images.room import check_quota
from busway.control.images.upload import DiskImageUpload
from busway.domain.errors import Conflict, Forbidden, NotFound
from busway.domain.ids import HostId, ImageId, ServerId
from busway.domain.image import WITH_DATA, Image, ImageStatus, check_properties
from busway.domain.quota import Usage
from busway.store import disk_uploads, images, server_places
from busway.store.database import Tx
from busway.store.disk_uploads import SEEN, DiskUpload, UploadPurpose
from busway.store.servers import ServerRow


def want_disk(
    control: Control,
    tx: Tx,
    row: ServerRow,
    purpose: UploadPurpose,
    name: str | None = None,
    properties: Mapping[str, str] | None = None,
    rotation: int | None = None,
) -> ImageId:
    """Requests a disk of a server from its host; returns the image that it will be uploaded as.

    It is the root disk, or with the purpose for it the ephemeral one. With `purpose` IMAGE or SHELVE the image is
    visible to its user. `rotation` is how many backups are kept.
    """
    assert row.host_id is not None
    now = control.now()
    image = Image(
        ImageId(control.new_id()),
        name or f"disk of {row.id}",
        ImageStatus.QUEUED,
        row.project_id,
        now,
        now,
        visibility="private",
        disk_format="qcow2",
        container_format="bare",
        min_disk=row.flavor.ephemeral_gb if purpose is UploadPurpose.EPHEMERAL else row.flavor.disk_gb,
        properties=dict(properties or {}),
        deleted=None if purpose in SEEN else now,
        disk_of=row.id if purpose is UploadPurpose.SHELVE else None,
    )
    if purpose is UploadPurpose.IMAGE:
        check_properties(image)
        quotas.check(control, tx, image.owner, Usage({"image_count_total": 1}))
        check_quota(control, tx, image, 1)  # how large it will be, only the host knows
    images.add_image(tx, image)
    disk_uploads.add_upload(tx, DiskUpload(image.id, row.id, row.host_id, purpose, rotation))
    return image.id


def begin_disk_upload(
    control: Control, host_id: HostId, server_id: str, image_id: str, expected: int | None
) -> DiskImageUpload:
    """Starts the upload of a requested disk; raises `Conflict` if it has its data already, `Forbidden` if it was not requested."""
    with control.db.read() as tx:
        asked = disk_uploads.list_uploads(tx, server_id=ServerId(server_id), host_id=host_id)
        image = images.find_image(tx, image_id)
        on_host = server_places.find_on_host(tx, host_id, server_id) is not None
    if image is not None and on_host and image.status in WITH_DATA:
        raise Conflict(f"Image {image_id} already has data", code="image-has-data")
    if image is None or not any(upload.image_id == image_id for upload in asked):
        raise Forbidden(
            f"The disk of server {server_id} was not requested as image {image_id}",
            detail="A host may only upload the disks that its Desired document names.",
            code="disk-not-asked",
        )
    if image.deleted is None and image.disk_of is None:
        with control.db.read() as tx:
            check_quota(control, tx, image, expected or 1)
    return DiskImageUpload(control, image, expected)


def disk_properties(tx: Tx, row: ServerRow) -> dict[str, str]:
    """Returns the properties that an image of a server inherits from the server's own image."""
    base = images.find_image(tx, row.image_id)
    if base is None:
        raise NotFound(f"Image {row.image_id} not found", code="image-not-found")
    return {**base.properties, "base_image_ref": base.id, "instance_uuid": row.id, "image_type": "snapshot"}
