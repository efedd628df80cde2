"""The placer: one short turn at a time, pending servers against one snapshot, committed by compare-and-swap."""

from __future__ import annotations

import threading
from datetime import datetime
from functools import partial

import structlog

from busway.control.context import Control
from busway.control.groups import placement_group
from busway.control.placement.request import image_properties, placement_request
from busway.control.placement.snapshot import take_snapshot
from busway.control.placement.turn import Turn
from busway.domain.errors import BuswayError
from busway.domain.placement import PlacementRequest, Refusal, ServerGroup, Snapshot
from busway.domain.server import ServerFault, ServerStatus
from busway.scheduler.explain import details, explain
from busway.scheduler.place import after, place_all
from busway.store import actions, events, groups, servers
from busway.store.database import Tx, take_turn
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow

BATCH = 512  # more than can be asked for at once; a turn of so many takes tenths of a second
POLL_SECONDS = 1.0

_log = structlog.get_logger("busway.place")


def run_placer(control: Control, stop: threading.Event) -> None:
    """Places servers until `stop` is set; a ring wakes it, and it looks every second anyway."""
    while not stop.is_set():
        seen = control.bell.count("place")
        try:
            busy = place_round(control)
        except Exception:
            _log.exception("placing failed; the next round tries again")
            busy = 0
        if not busy:
            control.bell.wait("place", seen, POLL_SECONDS)


def place_round(control: Control) -> int:
    """One turn: places or refuses up to a batch of waiting servers; returns how many it decided."""
    with control.db.read() as tx:
        if not servers.list_unplaced(tx, 1):
            return 0
    turn = Turn(control)
    decided = 0
    with control.db.write() as tx:
        take_turn(tx, "place")
        waiting = servers.list_unplaced(tx, BATCH + 1, lock=True)  # one more, to see whether they are cut
        snapshot = take_snapshot(control, tx)
        grouped = groups.group_ids(tx, [row.id for row in waiting])
        for rows in _together(tx, waiting):
            decided += len(rows)
            group = None
            if rows[0].id in grouped:
                turn.commit(tx)  # what was decided so far counts in the group that is read now
                group = placement_group(tx, rows[0].id)
            snapshot = _decide(control, tx, turn, snapshot, rows, group)
        turn.commit(tx)
        control.crashpoint("place:before-commit")
    control.crashpoint("place:after-commit")
    for host_id in turn.hosts:
        control.bell.ring(f"host:{host_id}")
    return decided


def _decide(
    control: Control, tx: Tx, turn: Turn, snapshot: Snapshot, rows: list[ServerRow], group: ServerGroup | None
) -> Snapshot:
    """Places servers that were asked for together, all or none; returns the snapshot after it."""
    try:
        requests = [turn.request(row, group, partial(_request, control, tx)) for row in rows]
    except BuswayError as error:
        for row in rows:
            refuse(tx, row, error, control.now())
        return snapshot
    answer = place_all(snapshot, requests, control.settings.policy)
    if isinstance(answer, Refusal):
        for row in rows:
            refuse(tx, row, explain(answer), control.now(), facts=details(answer))
        return snapshot
    for row, request, placement in zip(rows, requests, answer, strict=True):
        turn.place(row, request, placement)
        snapshot = after(snapshot, request, placement)
    return snapshot


def refuse(tx: Tx, row: ServerRow, error: BuswayError, now: datetime, facts: str = "") -> None:
    """Ends a build in ERROR with a fault that says why and what to do."""
    fault = ServerFault(500, str(error), facts or error.detail, now)
    servers.update_server(tx, row.id, now, status=ServerStatus.ERROR, task_state=None, fault=fault)
    if row.host_id is None:
        servers.update_server(tx, row.id, now, intent=Intent.GONE)
    event = Event(now, "server", str(row.status), "ERROR", str(error), row.host_id, None, row.id)
    events.add_event(tx, event)


def _together(tx: Tx, waiting: list[ServerRow]) -> list[list[ServerRow]]:
    """The servers that were created by one request, together; the last ones wait if the batch may have cut them."""
    requests = actions.creation_requests(tx, [row.id for row in waiting])
    together: dict[str, list[ServerRow]] = {}
    for row in waiting:
        together.setdefault(requests.get(row.id, row.id), []).append(row)
    found = list(together.values())
    return found[:-1] if len(waiting) > BATCH and len(found) > 1 else found


def _request(control: Control, tx: Tx, row: ServerRow) -> PlacementRequest:
    properties, zone = image_properties(tx, row.image_id), row.availability_zone or None
    return placement_request(control, tx, row.id, row.flavor, properties, row.wanted_host, zone)
