"""Use cases: make an image of a server, or a backup, which is an image that takes the place of the oldest of its kind."""

from __future__ import annotations

from collections.abc import Mapping

from busway.control.context import Control
from busway.control.images.internal import disk_properties, want_disk
from busway.control.servers.access import change_on_host, note_action, placed_server, require_guest_act
from busway.domain.caller import Caller
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ImageId
from busway.domain.server import ServerStatus, TaskState
from busway.store import images
from busway.store.database import Tx
from busway.store.disk_uploads import UploadPurpose
from busway.store.image_list import Condition, ImageFilter, list_page
from busway.store.servers import ServerRow

_FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.PAUSED, ServerStatus.SHUTOFF, ServerStatus.SUSPENDED})
_RUNNING = frozenset({ServerStatus.ACTIVE, ServerStatus.PAUSED})
BACKUP = "backup"  # the image_type of a backup


def create_image(
    control: Control, caller: Caller, server_id: str, name: str, properties: Mapping[str, str], request_id: str
) -> ImageId:
    """Asks for its disk as an image, which is `queued` until the disk has arrived; returns the image's id.

    The disk of a guest that runs is copied as it is at one moment, and the guest runs on; its devices stay as they are.
    """
    with control.db.write() as tx:
        row = _row(tx, caller, server_id, "createImage")
        given = {**disk_properties(tx, row), **properties}
        image_id = want_disk(control, tx, row, UploadPurpose.IMAGE, name, given)
        change_on_host(control, tx, caller, row, "createImage", request_id, task_state=TaskState.IMAGE_UPLOADING)
    control.bell.ring(f"host:{row.host_id}")
    return image_id


def create_backup(
    control: Control,
    caller: Caller,
    server_id: str,
    name: str,
    kind: str,
    rotation: int,
    properties: Mapping[str, str],
    request_id: str,
) -> ImageId | None:
    """Makes an image as a backup of a kind, such as daily: once it has arrived, only the newest `rotation` ones of the kind stay.

    With a rotation of 0 no image is made, and all backups of the kind go; then None is returned.
    """
    with control.db.write() as tx:
        row = _row(tx, caller, server_id, "createBackup")
        if rotation == 0:
            rotate_backups(control, tx, row, kind, 0)
            note_action(tx, caller, row.id, "createBackup", request_id, control.now())
            return None
        given = {**disk_properties(tx, row), **properties, "image_type": BACKUP, "backup_type": kind}
        image_id = want_disk(control, tx, row, UploadPurpose.IMAGE, name, given, rotation)
        change_on_host(control, tx, caller, row, "createBackup", request_id, task_state=TaskState.IMAGE_UPLOADING)
    control.bell.ring(f"host:{row.host_id}")
    return image_id


def rotate_backups(control: Control, tx: Tx, row: ServerRow, kind: str, keep: int) -> None:
    """Deletes all but the newest backups of a kind of a server; those that are protected stay, and count."""
    conditions = {"owner": row.project_id, "instance_uuid": row.id, "image_type": BACKUP, "backup_type": kind}
    wanted = ImageFilter(
        project_id=row.project_id,
        conditions=tuple(Condition(name, (value,)) for name, value in {**conditions, "status": "active"}.items()),
    )
    for image in list_page(tx, wanted)[keep:]:
        if not image.protected and image.disk_of is None:
            images.mark_image_deleted(tx, image.id, control.now())


def _row(tx: Tx, caller: Caller, server_id: str, act: str) -> ServerRow:
    row = placed_server(tx, caller, server_id, act, _FROM)
    if row.status in _RUNNING:
        require_guest_act(tx, row, act, GuestAct.COPY)
    return row
