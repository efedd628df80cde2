"""Actions that boot a server from another image for a while: rescue and unrescue."""

from __future__ import annotations

import secrets
from typing import Any

from busway.api.answer import TEXT, wrap
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.action import Action
from busway.api.schema import closed
from busway.control.servers import rescue
from busway.domain.errors import BadInput, NotFound

_PASSWORD = {"type": "string", "minLength": 1, "maxLength": 255}
_RESCUE = {
    "anyOf": [
        {"type": "null"},
        closed({"adminPass": _PASSWORD, "rescue_image_ref": {"type": "string", "format": "uuid"}}),
    ]
}


def _rescue(call: Call, given: Any) -> Reply:
    asked = given or {}
    password = asked.get("adminPass") or secrets.token_urlsafe(9)
    image = asked.get("rescue_image_ref")
    try:
        rescue.rescue_server(call.control, call.caller, call.path["id"], call.request_id, image, password)
    except NotFound as error:  # Nova: of the image, which is no part of the path
        if error.code != "image-not-found":
            raise
        raise BadInput(error.brief, detail=error.detail, remedy=error.remedy, code=error.code) from error
    return Reply({"adminPass": password})


def _unrescue(call: Call, _given: Any) -> Reply:
    rescue.unrescue_server(call.control, call.caller, call.path["id"], call.request_id)
    return ACCEPTED


ACTIONS = {
    "rescue": Action(_rescue, "os_compute_api:os-rescue", {1: _RESCUE}, wrap("adminPass", TEXT)),
    "unrescue": Action(_unrescue, "os_compute_api:os-unrescue"),
}
