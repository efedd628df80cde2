"""`os-server-external-events`: other services tell Nova what happened to a server.

Busway's own networks need no such event. One of them has the server's hosts look at its networks again; events of volumes,
accelerators and bare metal, of which there are none here, fail with their reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busway.api.answer import NUMBER, TEXT, array, optional, shape, words, wrap
from busway.api.call import Call, Reply
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control.servers.external_events import REFRESHING, tell_networks
from busway.domain.errors import NotFound

_ELSEWHERE = {51: "volume-extended", 76: "power-update", 82: "accelerator-request-bound", 93: "volume-reimaged"}
_STATUSES = ("failed", "completed", "in-progress")
_TAG = {"type": "string", "maxLength": 255}
_MOST = 1000


def _names(version: int) -> list[str]:
    return [*REFRESHING, *(name for since, name in _ELSEWHERE.items() if since <= version)]


def _body(version: int) -> Schema:
    one = closed(
        {
            "name": {"enum": _names(version)},
            "server_uuid": {"type": "string", "format": "uuid"},
            "status": {"enum": list(_STATUSES)},
            "tag": _TAG,
        },
        "name",
        "server_uuid",
    )
    return Schema(closed({"events": {"type": "array", "minItems": 1, "maxItems": _MOST, "items": one}}, "events"))


def _create(call: Call) -> Reply:
    """200 when all events were taken, 207 when some failed, 404 when there is none of their servers."""
    given: Sequence[dict[str, Any]] = call.body["events"]
    heard = tell_networks(call.control, [each["server_uuid"] for each in given if each["name"] in REFRESHING])
    answers = [_answer(each, heard) for each in given]
    if all(each["code"] == 404 for each in answers):
        raise NotFound("No instances found for any event", code="server-not-found")
    return Reply({"events": answers}, 200 if all(each["code"] == 200 for each in answers) else 207)


def _answer(event: dict[str, Any], heard: dict[str, bool]) -> dict[str, Any]:
    server = event["server_uuid"]
    if event["name"] not in REFRESHING:
        code = 400
    elif server not in heard:
        code = 404
    else:
        code = 200 if heard[server] else 422
    status = event.get("status", "completed") if code == 200 else "failed"
    tag = {"tag": event["tag"]} if "tag" in event else {}
    return {"name": event["name"], "server_uuid": server, "status": status, "code": code, **tag}


_EVENT = shape(
    {
        "name": words(*_names(100)),
        "server_uuid": TEXT,
        "status": words(*_STATUSES),
        "code": NUMBER,
        "tag": optional(TEXT),
    }
)

OPERATIONS = (
    Operation(
        "POST",
        "/compute/v2.1/os-server-external-events",
        _create,
        {since: _body(since) for since in (1, *_ELSEWHERE)},
        rule="os_compute_api:os-server-external-events:create",
        answer=wrap("events", array(_EVENT)),
    ),
)
