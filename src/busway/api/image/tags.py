"""Tags of images, one by one."""

from __future__ import annotations

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.image.images import ROOT, tagged
from busway.api.operation import Operation
from busway.control.images import catalogue as images
from busway.domain.errors import NotFound


def _add(call: Call) -> Reply:
    image = images.get_image(call.control, call.caller, call.path["id"])
    tagged(call, tuple(dict.fromkeys((*image.tags, call.path["tag"]))))
    return NO_CONTENT


def _delete(call: Call) -> Reply:
    image = images.get_image(call.control, call.caller, call.path["id"])
    if call.path["tag"] not in image.tags:
        raise NotFound(f"Image {image.id} has no tag '{call.path['tag']}'", code="tag-not-found")
    tagged(call, tuple(tag for tag in image.tags if tag != call.path["tag"]))
    return NO_CONTENT


OPERATIONS = (
    Operation("PUT", f"{ROOT}/{{id}}/tags/{{tag}}", _add, rule="modify_image"),
    Operation("DELETE", f"{ROOT}/{{id}}/tags/{{tag}}", _delete, rule="modify_image"),
)
