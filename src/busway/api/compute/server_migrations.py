"""Live migrations of a server that are under way: listed, shown, aborted, hurried."""

from __future__ import annotations

from busway.api.answer import NOTHING, NUMBER, TEXT, nullable, wrap, wrap_list
from busway.api.call import ACCEPTED, Call, Reply
from busway.api.compute.migrations import status_of
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import Schema, closed
from busway.control.moves.live_requests import LiveMove, abort_live, force_live, list_live, show_live
from busway.domain.errors import NotFound

_ROOT = "/compute/v2.1/servers/{id}/migrations"
_RULE = "os_compute_api:servers:migrations"

# Hosts are None for who may not know them, as in Nova.
_FIELDS: tuple[Field[LiveMove], ...] = (
    Field("id", lambda view, _: view.move.id, NUMBER),
    Field("uuid", lambda view, _: view.move.uuid, TEXT, since=59),
    Field("server_uuid", lambda view, _: view.move.server_id, TEXT),
    Field("status", lambda view, _: status_of(view.move), TEXT),
    Field("source_compute", lambda view, _: view.host_names.get(view.move.source.host_id), nullable(TEXT)),
    Field("source_node", lambda view, _: view.host_names.get(view.move.source.host_id), nullable(TEXT)),
    Field("dest_compute", lambda view, _: view.host_names.get(view.move.target.host_id), nullable(TEXT)),
    Field("dest_node", lambda view, _: view.host_names.get(view.move.target.host_id), nullable(TEXT)),
    Field("dest_host", fixed(None), NOTHING),
    Field("memory_total_bytes", lambda view, _: view.live.progress.memory_total, NUMBER),
    Field("memory_processed_bytes", lambda view, _: view.live.progress.memory_processed, NUMBER),
    Field("memory_remaining_bytes", lambda view, _: view.live.progress.memory_remaining, NUMBER),
    Field("disk_total_bytes", lambda view, _: view.live.progress.disk_total, NUMBER),
    Field("disk_processed_bytes", lambda view, _: view.live.progress.disk_processed, NUMBER),
    Field("disk_remaining_bytes", lambda view, _: view.live.progress.disk_remaining, NUMBER),
    Field("user_id", lambda view, _: view.move.user_id, TEXT, since=80),
    Field("project_id", lambda view, _: view.move.project_id, TEXT, since=80),
    Field("created_at", lambda view, _: micro_time(view.move.created), TEXT),
    Field("updated_at", lambda view, _: micro_time(view.move.updated), TEXT),
)


def _list(call: Call) -> Reply:
    found = list_live(call.control, call.caller, call.path["id"])
    return Reply({"migrations": [render(_FIELDS, move, call) for move in found]})


def _show(call: Call) -> Reply:
    found = show_live(call.control, call.caller, call.path["id"], _number(call))
    return Reply({"migration": render(_FIELDS, found, call)})


def _abort(call: Call) -> Reply:
    abort_live(call.control, call.caller, call.path["id"], _number(call), call.request_id)
    return ACCEPTED


def _force(call: Call) -> Reply:
    force_live(call.control, call.caller, call.path["id"], _number(call), call.request_id)
    return ACCEPTED


def _number(call: Call) -> int:
    given = call.path["migration_id"]
    if not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise NotFound(
            f"In-progress live migration {given[:64]} is not found for server {call.path['id']}.",
            remedy="See `openstack server migration list`.",
            code="migration-not-found",
        )
    return int(given)


_LISTED, _SHOWN = shape_of(_FIELDS, "live-migration-listed"), shape_of(_FIELDS, "live-migration")
OPERATIONS = (
    Operation("GET", _ROOT, _list, since=23, rule=f"{_RULE}:index", answer=wrap_list("migrations", _LISTED)),
    Operation(
        "GET", f"{_ROOT}/{{migration_id}}", _show, since=23, rule=f"{_RULE}:show", answer=wrap("migration", _SHOWN)
    ),
    Operation("DELETE", f"{_ROOT}/{{migration_id}}", _abort, since=24, rule=f"{_RULE}:delete"),
    Operation(
        "POST",
        f"{_ROOT}/{{migration_id}}/action",
        _force,
        since=22,
        body=Schema(closed({"force_complete": {"type": "null"}}, "force_complete")),
        rule=f"{_RULE}:force_complete",
    ),
)
