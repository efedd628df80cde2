"""Use case: rebuild a server on its host, from the same image or another one. Its devices stay its own.

It is a level and no order: the server must have a root disk of a new number. What it asks of the scheduler can't change
by it, so nothing is placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from busway.control import quotas
from busway.control.context import Control
from busway.control.drivers.check import check_driver
from busway.control.placement.request import image_words
from busway.control.servers.access import note_action, placed_server, set_status
from busway.control.servers.create import check_drive, check_image
from busway.control.servers.read import get_server
from busway.domain.caller import Caller
from busway.domain.document_room import check_texts
from busway.domain.errors import BadInput, Conflict
from busway.domain.guest_machine import machine_of
from busway.domain.ids import ImageId
from busway.domain.image import Image
from busway.domain.quota import Usage, usage_of_files
from busway.domain.requests import GivenFile
from busway.domain.server import Server, ServerStatus, TaskState
from busway.store import hosts, images, keypairs, moves, server_passwords
from busway.store.database import Tx
from busway.store.servers import ServerRow

_FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.SHUTOFF, ServerStatus.ERROR})


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What a rebuild changes beside the disk; None leaves a field as it is, `forget_…` takes it away.

    `files` are all that the new disk gets: those of earlier ones were for these, as in Nova.
    """

    image_id: ImageId
    name: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    key_name: str | None = None
    forget_key: bool = False
    user_data: str | None = None
    forget_user_data: bool = False
    files: tuple[GivenFile, ...] = ()
    hostname: str | None = None
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    disk_config: str | None = None
    admin_pass: str | None = field(default=None, repr=False)  # the guest gets it in its metadata, once


def rebuild_server(control: Control, caller: Caller, server_id: str, wanted: Rebuild, request_id: str) -> Server:
    """Asks for a new root disk; one that was shut off stays so, any other runs afterwards."""
    now = control.now()
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "rebuild", _FROM)
        if moves.find_open_move(tx, row.id) is not None:
            raise Conflict(
                f"Cannot 'rebuild' server {row.id}: it failed in the middle of a move",
                detail="Parts of it are on two hosts.",
                remedy="Delete it; both hosts release their parts.",
                code="server-state",
            )
        image = images.get_image(tx, wanted.image_id)
        check_image(tx, caller, row.flavor, image)
        words = _words(tx, row, image)
        check_driver(control, tx, row.flavor, words)
        powered = row.status is not ServerStatus.SHUTOFF
        assert row.host_id is not None
        values = {
            **on_new_disk(row, powered=powered),
            "image_id": image.id,
            "image_words": words,
            "generation": hosts.bump_generation(tx, row.host_id),
            **_changes(control, tx, caller, row, wanted),
        }
        reason = f"rebuilt by {caller.user_name} from image {image.name or image.id}"
        set_status(tx, row, ServerStatus.REBUILD, reason, now, **values)
        server_passwords.clear_password(tx, row.id)  # that of the old disk: the new guest may post its own
        note_action(tx, caller, row.id, "rebuild", request_id, now)
    control.bell.ring(f"host:{row.host_id}")
    return get_server(control, caller, row.id)


def on_new_disk(row: ServerRow, *, powered: bool) -> dict[str, Any]:
    """The columns of a server whose root disk is made from its image once more; `powered`: its guest starts on it."""
    return {
        "task_state": TaskState.REBUILDING,
        "root_image_id": None,
        "ephemeral_image_id": None,
        "disks": (row.last_disk + 1,),
        "last_disk": row.last_disk + 1,
        "powered": powered,
        "hold": None,
        "rescue": None,
        "rescue_image_id": None,
        "starts": row.starts + 1 if powered else row.starts,
        "fault": None,
    }


def _words(tx: Tx, row: ServerRow, image: Image) -> dict[str, str]:
    """What the new image says of the guest, if the host can make such a machine too."""
    words = image_words(image.properties)
    needs = machine_of(row.flavor, words).needs
    host = hosts.find_host_by_id(tx, row.host_id) if row.host_id is not None else None
    has = host.resources.machine if host is not None and host.resources is not None else ()
    if lacking := [word for word in needs if word not in has]:
        raise Conflict(
            f"The host of server {row.id} can't make the machine that image {image.name or image.id} asks for",
            detail=f"It has no {', '.join(lacking)}.",
            remedy="Choose another image, or create a new server from this one.",
            code="machine-host",
        )
    return words


def _changes(control: Control, tx: Tx, caller: Caller, row: ServerRow, wanted: Rebuild) -> dict[str, object]:
    given = {
        "name": wanted.name,
        "description": wanted.description,
        "metadata": dict(wanted.metadata) if wanted.metadata is not None else None,
        "user_data": wanted.user_data,
        "hostname": wanted.hostname,
        "access_ipv4": wanted.access_ipv4,
        "access_ipv6": wanted.access_ipv6,
        "disk_config": wanted.disk_config,
        "admin_pass": wanted.admin_pass,
    }
    if wanted.metadata is not None and len(wanted.metadata) > len(row.metadata):
        items = Usage({"metadata_items": len(wanted.metadata)})
        quotas.check(control, tx, row.project_id, items, user_id=row.user_id, used=Usage())
    if wanted.files:
        check_drive(row.config_drive)
        sizes = usage_of_files(wanted.files)
        quotas.check(control, tx, row.project_id, sizes, user_id=row.user_id, used=Usage())
    values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    values["files"] = wanted.files
    if wanted.forget_user_data:
        values["user_data"] = None
    if wanted.forget_key:
        values |= {"key_name": None, "public_key": None}
    elif wanted.key_name is not None:
        key = keypairs.get_keypair(tx, row.user_id, wanted.key_name)
        values |= {"key_name": key.name, "public_key": key.public_key}
    if wanted.key_name is not None and caller.user_id != row.user_id:
        raise BadInput("Only the user who created a server can give it another key", code="rebuild-key")
    made = replace(row, **values)  # type: ignore[arg-type]
    check_texts(made.metadata, made.user_data, made.key_name, made.public_key, made.files)
    return values
