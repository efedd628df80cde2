"""Moves of servers as `os-migrations` tells them to admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.api.call import Call, Reply
from busway.api.encoding import micro_time
from busway.api.fields import Field, fixed, render
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Definition
from busway.control.moves.listing import list_moves
from busway.domain.errors import BadInput
from busway.domain.flavor import Flavor
from busway.domain.ids import HostId
from busway.domain.move import Move

_ROOT = "/compute/v2.1/os-migrations"


@dataclass(frozen=True, slots=True)
class _View:
    move: Move
    names: Mapping[HostId, str]

    @property
    def source(self) -> str:
        return self.names.get(self.move.source.host_id, "")

    @property
    def target(self) -> str:
        return self.names.get(self.move.target.host_id, "")


def _number(flavor: Flavor) -> int | None:
    """Nova tells a number of its own here; a flavor's id where it is one."""
    return int(flavor.id) if len(flavor.id) <= 9 and flavor.id.isascii() and flavor.id.isdigit() else None


_FIELDS: tuple[Field[_View], ...] = (
    Field("id", lambda view, _: view.move.id),
    Field("uuid", lambda view, _: view.move.uuid, since=59),
    Field("instance_uuid", lambda view, _: view.move.server_id),
    Field("status", lambda view, _: view.move.state),
    Field("migration_type", lambda view, _: view.move.kind, since=23),
    Field("source_compute", lambda view, _: view.source),
    Field("source_node", lambda view, _: view.source),
    Field("dest_compute", lambda view, _: view.target),
    Field("dest_node", lambda view, _: view.target),
    Field("dest_host", fixed(None)),
    Field("old_instance_type_id", lambda view, _: _number(view.move.source.flavor)),
    Field("new_instance_type_id", lambda view, _: _number(view.move.target.flavor)),
    Field("user_id", lambda view, _: view.move.user_id, since=80),
    Field("project_id", lambda view, _: view.move.project_id, since=80),
    Field("created_at", lambda view, _: micro_time(view.move.created)),
    Field("updated_at", lambda view, _: micro_time(view.move.updated)),
)


def _list(call: Call) -> Reply:
    found = list_moves(call.control, call.caller, call.text("instance_uuid"))
    views = [_View(move, found.host_names) for move in found.moves]
    kept = [view for view in views if _wanted(call, view)]
    return Reply({"migrations": [render(_FIELDS, view, call) for view in _page(call, kept)]})


def _wanted(call: Call, view: _View) -> bool:
    asked = call.text("host")
    return (
        (asked is None or asked in (view.source, view.target))
        and call.text("status") in (None, str(view.move.state))
        and call.text("source_compute") in (None, view.source)
        and call.text("migration_type") in (None, str(view.move.kind))
        and call.text("user_id") in (None, view.move.user_id)
        and call.text("project_id") in (None, view.move.project_id)
    )


def _page(call: Call, views: list[_View]) -> list[_View]:
    marker, limit = call.text("marker"), call.number("limit")
    if marker is not None:
        places = [place for place, view in enumerate(views) if view.move.uuid == marker]
        if not places:
            raise BadInput(f"Marker {marker} could not be found.", code="unknown-marker")
        views = views[places[0] + 1 :]
    return views if limit is None else views[:limit]


_FILTERS = ("instance_uuid", "host", "status", "source_compute", "migration_type", "user_id", "project_id")
_QUERY: Definition = {**PAGE, **dict.fromkeys(_FILTERS, WORD)}

OPERATIONS = (Operation("GET", _ROOT, _list, query=_QUERY, rule="os_compute_api:os-migrations:index"),)
