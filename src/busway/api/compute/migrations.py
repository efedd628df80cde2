"""Moves of servers as `os-migrations` tells them to admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.api.answer import NOTHING, NUMBER, TEXT, nullable, wrap_list
from busway.api.call import Call, Reply
from busway.api.compute.answers import NEXT
from busway.api.compute.links import CHANGES_SINCE, MAX_LIMIT, changes_of, next_link
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render, shape_of
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition
from busway.control.moves.listing import MoveList, list_moves
from busway.domain.flavor import Flavor
from busway.domain.ids import HostId
from busway.domain.move import Move, MoveKind, MoveState
from busway.store.moves import MoveFilter

_ROOT = "/compute/v2.1/os-migrations"


@dataclass(frozen=True, slots=True)
class _View:
    """A move; its hosts are None for who may not know them, as in Nova."""

    move: Move
    names: Mapping[HostId, str]

    @property
    def source(self) -> str | None:
        return self.names.get(self.move.source.host_id)

    @property
    def target(self) -> str | None:
        return self.names.get(self.move.target.host_id)


# Nova has words of its own for the states of a live migration.
_LIVE_WORDS = {
    MoveState.DONE: "completed",
    MoveState.REVERTING: "running",
    MoveState.POST_MIGRATING: "post-migrating",
}
_STATES = {"running": "migrating", "preparing": "migrating", "completed": "done"}


def status_of(move: Move) -> str:
    """A move's state in Nova's words."""
    if move.kind is not MoveKind.LIVE:
        return str(move.state)
    if move.state is MoveState.MIGRATING:
        return "running" if move.live is not None and move.live.told else "preparing"
    return _LIVE_WORDS.get(move.state, str(move.state))


def _number(flavor: Flavor) -> int | None:
    """Nova tells a number of its own here; a flavor's id where it is one."""
    return int(flavor.id) if len(flavor.id) <= 9 and flavor.id.isascii() and flavor.id.isdigit() else None


_FIELDS: tuple[Field[_View], ...] = (
    Field("id", lambda view, _: view.move.id, NUMBER),
    Field("uuid", lambda view, _: view.move.uuid, TEXT, since=59),
    Field("instance_uuid", lambda view, _: view.move.server_id, TEXT),
    Field("status", lambda view, _: status_of(view.move), TEXT),
    Field("migration_type", lambda view, _: view.move.kind, TEXT, since=23),
    Field("source_compute", lambda view, _: view.source, nullable(TEXT)),
    Field("source_node", lambda view, _: view.source, nullable(TEXT)),
    Field("dest_compute", lambda view, _: view.target, nullable(TEXT)),
    Field("dest_node", lambda view, _: view.target, nullable(TEXT)),
    Field("dest_host", fixed(None), NOTHING),
    Field("old_instance_type_id", lambda view, _: _number(view.move.source.flavor), nullable(NUMBER)),
    Field("new_instance_type_id", lambda view, _: _number(view.move.target.flavor), nullable(NUMBER)),
    Field("user_id", lambda view, _: view.move.user_id, TEXT, since=80),
    Field("project_id", lambda view, _: view.move.project_id, TEXT, since=80),
    Field("created_at", lambda view, _: micro_time(view.move.created), TEXT),
    Field("updated_at", lambda view, _: micro_time(view.move.updated), TEXT),
)


def _list(call: Call) -> Reply:
    limit = call.number("limit")
    size = MAX_LIMIT if limit is None else min(limit, MAX_LIMIT)
    since, before = changes_of(call)
    wanted = MoveFilter(
        server_id=call.text("instance_uuid"),
        state=_STATES.get(call.text("status") or "", call.text("status")),
        kind=call.text("migration_type"),
        user_id=call.text("user_id"),
        project_id=call.text("project_id"),
        host=call.text("host"),
        source=call.text("source_compute"),
        changes_since=since,
        changes_before=before,
        limit=size,
        marker=call.text("marker"),
    )
    found = list_moves(call.control, call.caller, wanted) if size else MoveList((), {})
    body: dict[str, object] = {
        "migrations": [render(_FIELDS, _View(move, found.host_names), call) for move in found.moves]
    }
    if call.version >= 59 and limit and len(found.moves) == limit:
        body["migrations_links"] = next_link(call, _ROOT, found.moves[-1].uuid)
    return Reply(body)


_FILTERS = ("instance_uuid", "host", "status", "source_compute", "migration_type", "user_id", "project_id")
_QUERY: Definition = {**PAGE, **dict.fromkeys((*_FILTERS, "changes-since", "changes-before"), WORD)}

OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _list,
        query=_QUERY,
        query_since={"user_id": 80, "project_id": 80, **CHANGES_SINCE},
        strict=59,
        rule="os_compute_api:os-migrations:index",
        answer=wrap_list("migrations", shape_of(_FIELDS, "migration"), migrations_links=NEXT),
    ),
)
