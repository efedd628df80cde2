"""Use cases of a server's user: rescue and unrescue. The guest boots from another image, its own disk and devices beside it."""

from __future__ import annotations

from dataclasses import replace

from busway.control.context import Control
from busway.control.servers.access import change_on_host, placed_server, require_guest_act
from busway.control.servers.create import check_image
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import PLAIN, machine_of
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ImageId
from busway.domain.image import Image
from busway.domain.rescue import read_rescue
from busway.domain.server import ServerStatus, TaskState
from busway.store import images
from busway.store.database import Tx
from busway.store.servers import ServerRow


def rescue_server(
    control: Control, caller: Caller, server_id: str, request_id: str, image_id: str | None, password: str
) -> None:
    """Asks for a server to be shut down and to boot from an image, by default the one that it was made from."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "rescue", {ServerStatus.ACTIVE, ServerStatus.SHUTOFF})
        require_guest_act(tx, row, "rescue", GuestAct.RESCUE)
        image = _image(tx, caller, row, image_id)
        number = row.last_disk + 1
        machine = machine_of(row.flavor, row.image_words) if row.image_words is not None else PLAIN
        rescue = read_rescue(image.properties, number, machine.disk_bus)
        values = {"rescue": rescue, "rescue_image_id": image.id, "last_disk": number, "admin_pass": password}
        values |= {"task_state": TaskState.RESCUING, "powered": True, "starts": row.starts + 1}
        change_on_host(control, tx, caller, row, "rescue", request_id, **values)
    control.bell.ring(f"host:{row.host_id}")


def unrescue_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a rescued server to boot from its own disk again; the rescue disk goes, with what was written there."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "unrescue", {ServerStatus.RESCUE})
        assert row.rescue is not None
        values = {"rescue": replace(row.rescue, over=True), "powered": True, "starts": row.starts + 1}
        change_on_host(control, tx, caller, row, "unrescue", request_id, task_state=TaskState.UNRESCUING, **values)
    control.bell.ring(f"host:{row.host_id}")


def _image(tx: Tx, caller: Caller, row: ServerRow, image_id: str | None) -> Image:
    """The image to boot from; the flavor's disk is not for it, for it gets one of its own size."""
    if image_id is not None:
        image = images.get_image(tx, ImageId(image_id))
        check_image(tx, caller, _without_disk(row.flavor), image)
        return image
    own = images.find_image(tx, row.image_id)
    if own is None or own.sha256 is None:
        raise Conflict(
            f"The image that server {row.id} was made from is not there any more",
            remedy="Name one to boot from: openstack server rescue --image IMAGE",
            code="rescue-image",
        )
    return own


def _without_disk(flavor: Flavor) -> Flavor:
    return replace(flavor, disk_gb=0)
