"""What the caller's project has of its quotas of images, in Glance's words."""

from __future__ import annotations

from busway.api.answer import NUMBER, shape, wrap
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.control.images.usage import image_usage
from busway.domain.quota import OF_IMAGES


def _show(call: Call) -> Reply:
    found = image_usage(call.control, call.caller)
    return Reply({"usage": {name: {"usage": each.usage, "limit": each.limit} for name, each in found.items()}})


_AMOUNT = shape({"usage": NUMBER, "limit": NUMBER})

OPERATIONS = (
    Operation(
        "GET",
        "/image/v2/info/usage",
        _show,
        rule="busway:quota:show",
        answer=wrap("usage", shape(dict.fromkeys(OF_IMAGES, _AMOUNT))),
    ),
)
