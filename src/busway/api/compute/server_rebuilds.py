"""Actions on a server's disk: rebuild it, make an image or a backup of it."""

from __future__ import annotations

import secrets
from typing import Any

from busway.api.answer import NOTHING, Part, shape, wrap
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.action import Action
from busway.api.compute.personality import FILES, files_of
from busway.api.compute.server_create import HOSTNAME, access_address, check_user_data
from busway.api.compute.server_fields import REBUILT_SERVER, updated, views
from busway.api.schema import BOOLEAN, NAME, NATURAL, STRING_MAP, TEXT, Definition, as_int, closed
from busway.control.servers.image import create_backup, create_image
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.domain.errors import BadInput, NotFound, NotSupported
from busway.domain.ids import ImageId

_BASE: Definition = {
    "imageRef": {"type": "string", "minLength": 1, "maxLength": 1024},
    "name": NAME,
    "adminPass": {"type": "string", "maxLength": 255},
    "metadata": STRING_MAP,
    "preserve_ephemeral": BOOLEAN,
    "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]},
    "accessIPv4": {"type": "string", "maxLength": 15},
    "accessIPv6": {"type": "string", "maxLength": 45},
    "personality": FILES,
}
_CHANGES: tuple[tuple[int, Definition], ...] = (
    (1, {}),
    (19, {"description": TEXT}),
    (54, {"key_name": {"type": ["string", "null"], "minLength": 1, "maxLength": 255}}),
    (57, {"personality": None, "user_data": {"type": ["string", "null"], "maxLength": 65535}}),
    (63, {"trusted_image_certificates": {"type": ["array", "null"]}}),
    (90, {"hostname": HOSTNAME}),
)
MOST_BACKUPS = 10_000
_IMAGE = closed({"name": NAME, "metadata": STRING_MAP}, "name")


def _bodies() -> dict[int, Definition]:
    found: dict[int, Definition] = {}
    fields = dict(_BASE)
    for since, changes in _CHANGES:
        fields = {name: schema for name, schema in {**fields, **changes}.items() if schema is not None}
        found[since] = closed(fields, "imageRef")
    return found


def _rebuild(call: Call, given: Any) -> Reply:
    refused = [name for name in ("trusted_image_certificates", "preserve_ephemeral") if given.get(name)]
    if refused:
        raise NotSupported(f"Busway does not support {refused[0]}", remedy="Omit it.", code="rebuild-option")
    wanted = Rebuild(
        image_id=ImageId(given["imageRef"].rpartition("/")[2]),
        name=given.get("name"),
        description=given.get("description"),
        metadata=given.get("metadata"),
        key_name=given.get("key_name"),
        forget_key="key_name" in given and given["key_name"] is None,
        user_data=check_user_data(given.get("user_data")),
        forget_user_data="user_data" in given and not given["user_data"],
        files=files_of(given),
        hostname=given.get("hostname"),
        access_ipv4=access_address(given, "accessIPv4", 4),
        access_ipv6=access_address(given, "accessIPv6", 6),
        disk_config=given.get("OS-DCF:diskConfig"),
        admin_pass=given.get("adminPass") or secrets.token_urlsafe(9),
    )
    try:
        server = rebuild_server(call.control, call.caller, call.path["id"], wanted, call.request_id)
    except NotFound as error:
        if error.code == "server-not-found":
            raise
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    body = updated(views(call, [server])[0], call)
    body["adminPass"] = wanted.admin_pass
    if 54 <= call.version < 75:
        body["key_name"] = server.key_name
    if call.version >= 57:
        body["user_data"] = server.user_data
        body.pop("OS-EXT-SRV-ATTR:user_data", None)
    return Reply({"server": body}, 202, {"Location": call.url(f"/compute/v2.1/servers/{server.id}")})


def _create_image(call: Call, given: Any) -> Reply:
    metadata = given.get("metadata", {})
    image_id = create_image(call.control, call.caller, call.path["id"], given["name"], metadata, call.request_id)
    if call.version >= 45:
        return Reply({"image_id": image_id}, 202)
    return Reply(None, 202, {"Location": call.url(f"/image/v2/images/{image_id}")})


def _create_backup(call: Call, given: Any) -> Reply:
    image_id = create_backup(
        call.control,
        call.caller,
        call.path["id"],
        given["name"],
        given["backup_type"],
        as_int(given["rotation"], "rotation", most=MOST_BACKUPS),
        given.get("metadata", {}),
        call.request_id,
    )
    if image_id is None:
        return ACCEPTED
    if call.version >= 45:
        return Reply({"image_id": image_id}, 202)
    return Reply(None, 202, {"Location": call.url(f"/image/v2/images/{image_id}")})


_BACKUP = closed(
    {"name": NAME, "backup_type": {"type": "string", "maxLength": 255}, "rotation": NATURAL, "metadata": STRING_MAP},
    "name",
    "backup_type",
    "rotation",
)
_IMAGE_ID = (Part(NOTHING, until=44), Part(wrap("image_id", TEXT), since=45))
# A rotation of 0 makes none.
_BACKUP_ID = (Part(NOTHING), Part(wrap("image_id", TEXT), since=45))

ACTIONS = {
    "rebuild": Action(_rebuild, "os_compute_api:servers:rebuild", _bodies(), shape({"server": REBUILT_SERVER})),
    "createImage": Action(_create_image, "os_compute_api:servers:create_image", {1: _IMAGE}, _IMAGE_ID),
    "createBackup": Action(_create_backup, "os_compute_api:os-create-backup", {1: _BACKUP}, _BACKUP_ID),
}
