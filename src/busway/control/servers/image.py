"""Use case: make an image of a server that is shut off or suspended."""

from __future__ import annotations

from collections.abc import Mapping

from busway.control.context import Control
from busway.control.images.internal import disk_properties, want_disk
from busway.control.servers.access import change_on_host, placed_server
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.ids import ImageId
from busway.domain.server import ServerStatus, TaskState
from busway.store.disk_uploads import UploadPurpose

_FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.PAUSED, ServerStatus.SHUTOFF, ServerStatus.SUSPENDED})


def create_image(
    control: Control, caller: Caller, server_id: str, name: str, properties: Mapping[str, str], request_id: str
) -> ImageId:
    """Asks for its disk as an image, which is `queued` until the disk has arrived; returns the image's id."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "createImage", _FROM)
        if row.status in (ServerStatus.ACTIVE, ServerStatus.PAUSED):
            raise Conflict(
                f"Cannot make an image of server {row.id} while it runs",
                detail="Data that the guest has not yet written to its disk would be missing.",
                remedy="Stop it first: openstack server stop ID",
                code="server-runs",
            )
        given = {**disk_properties(tx, row), **properties}
        image_id = want_disk(control, tx, row, UploadPurpose.IMAGE, name, given)
        change_on_host(control, tx, caller, row, "createImage", request_id, task_state=TaskState.IMAGE_UPLOADING)
    control.bell.ring(f"host:{row.host_id}")
    return image_id
