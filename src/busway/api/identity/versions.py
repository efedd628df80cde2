"""The version documents of the identity API."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.identity.answers import VERSION, VERSIONS
from busway.api.operation import Operation


def _v3(call: Call) -> dict[str, object]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": call.url("/identity/v3/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def _list(call: Call) -> Reply:
    return Reply({"versions": {"values": [_v3(call)]}}, 300)


def _show(call: Call) -> Reply:
    return Reply({"version": _v3(call)})


OPERATIONS = (
    Operation("GET", "/identity", _list, public=True, answer=VERSIONS),
    Operation("GET", "/identity/v3", _show, public=True, answer=VERSION),
)
