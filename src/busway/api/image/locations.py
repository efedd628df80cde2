"""Locations of images' data: an operator's matter, so both of Glance's ways to see and set them are refused.

With them a user would have the control plane and hosts read whatever address the user names.
"""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.image.images import ROOT
from busway.api.operation import Operation
from busway.control.images.catalogue import get_image
from busway.domain.image import no_locations


def _refuse(call: Call) -> Reply:
    get_image(call.control, call.caller, call.path["id"])
    raise no_locations()


_PATH = f"{ROOT}/{{id}}/locations"

OPERATIONS = (
    Operation("GET", _PATH, _refuse, rule="get_image"),
    Operation("POST", _PATH, _refuse, rule="get_image", reads_body=True),
)
