"""The version document of Placement."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.microversion import PLACEMENT
from busway.api.placement.answer import ROOT, operation
from busway.api.placement.answers import VERSIONS


def _home(call: Call) -> Reply:
    version = {
        "id": f"v{PLACEMENT.shown(PLACEMENT.minimum)}",
        "min_version": PLACEMENT.shown(PLACEMENT.minimum),
        "max_version": PLACEMENT.shown(PLACEMENT.maximum),
        "status": "CURRENT",
        "links": [{"rel": "self", "href": call.url(f"{ROOT}/")}],
    }
    return Reply({"versions": [version]})


OPERATIONS = (operation("GET", "", _home, public=True, answer=VERSIONS),)
