"""The version documents of the identity API."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.identity.answers import VERSION, VERSIONS
from busway.api.operation import Operation


def v3_at(public_url: str) -> dict[str, object]:
    """Version 3 as a list of versions tells it; the URL is that of the whole cloud."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{public_url}/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def _list(call: Call) -> Reply:
    return Reply({"versions": {"values": [v3_at(call.url(""))]}}, 300)


def _show(call: Call) -> Reply:
    return Reply({"version": v3_at(call.url(""))})


OPERATIONS = (
    Operation("GET", "/identity", _list, public=True, answer=VERSIONS),
    Operation("GET", "/identity/v3", _show, public=True, answer=VERSION),
)
