"""The placer: one short turn at a time, pending servers against one snapshot, committed by compare-and-swap."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from busway.control.context import Control
from busway.control.groups import placement_group
from busway.control.placement_request import image_properties, placement_request
from busway.control.snapshot import take_snapshot
from busway.domain.errors import BuswayError, Conflict
from busway.domain.ids import ClaimId, HostId, ServerId
from busway.domain.placement import (
    ClaimedDevice,
    GuestCell,
    Placement,
    PlacementRequest,
    Refusal,
    ServerGroup,
    Snapshot,
)
from busway.domain.server import ServerFault, ServerStatus, TaskState
from busway.scheduler.explain import details, explain
from busway.scheduler.place import after, place_all
from busway.store import actions, cells, claims, events, hosts, servers
from busway.store.cells import UsedCell
from busway.store.database import Tx, take_turn
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow

BATCH = 100
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
    changed: set[HostId] = set()
    decided = 0
    with control.db.write() as tx:
        take_turn(tx, "place")
        waiting = servers.list_unplaced(tx, BATCH, lock=True)
        snapshot = take_snapshot(control, tx)
        for rows in _together(tx, waiting):
            decided += len(rows)
            snapshot, hosts_of = _decide(control, tx, snapshot, rows)
            changed |= hosts_of
        control.crashpoint("place:before-commit")
    control.crashpoint("place:after-commit")
    for host_id in changed:
        control.bell.ring(f"host:{host_id}")
    return decided


def _decide(control: Control, tx: Tx, snapshot: Snapshot, rows: list[ServerRow]) -> tuple[Snapshot, set[HostId]]:
    """Places servers that were asked for together, all or none; returns the snapshot after it and the hosts."""
    try:
        properties = image_properties(tx, rows[0].image_id)
        group = placement_group(tx, rows[0].id)
        requests = [_request(control, tx, row, properties, group) for row in rows]
    except BuswayError as error:
        for row in rows:
            refuse(tx, row, error, control.now())
        return snapshot, set()
    answer = place_all(snapshot, requests, control.settings.policy)
    if isinstance(answer, Refusal):
        for row in rows:
            refuse(tx, row, explain(answer), control.now(), facts=details(answer))
        return snapshot, set()
    for row, request, placement in zip(rows, requests, answer, strict=True):
        _commit(control, tx, row, request, placement)
        snapshot = after(snapshot, request, placement)
    return snapshot, {placement.host_id for placement in answer}


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
    groups: dict[str, list[ServerRow]] = {}
    for row in waiting:
        groups.setdefault(requests.get(row.id, row.id), []).append(row)
    found = list(groups.values())
    return found[:-1] if len(waiting) == BATCH and len(found) > 1 else found


def _request(
    control: Control, tx: Tx, row: ServerRow, properties: Mapping[str, str], group: ServerGroup | None
) -> PlacementRequest:
    zone = row.availability_zone or None
    return placement_request(control, tx, row.id, row.flavor, properties, row.wanted_host, zone, group)


def _commit(control: Control, tx: Tx, row: ServerRow, request: PlacementRequest, placement: Placement) -> None:
    now = control.now()
    if not hosts.swap_generation(tx, placement.host_id, placement.generation, placement.revision):
        raise Conflict("The host changed while a server was being placed", code="placement-raced")
    generation = placement.generation + 1
    servers.update_server(
        tx, row.id, now, host_id=placement.host_id, task_state=TaskState.SPAWNING, generation=generation
    )
    lay_cells(tx, row.id, request.cells, placement)
    claim_devices(control, tx, row.id, placement.host_id, placement.devices, now)


def lay_cells(tx: Tx, server_id: ServerId, guest: Sequence[GuestCell], placement: Placement) -> None:
    """Remembers on which NUMA cells of its host each cell of a guest lies."""
    lying = zip(placement.cells, guest, strict=False)
    taken = tuple(UsedCell(cell, own.vcpus, own.ram_mb) for cell, own in lying)
    cells.put_cells(tx, server_id, placement.host_id, taken)


def claim_devices(
    control: Control, tx: Tx, server_id: ServerId, host_id: HostId, devices: Iterable[ClaimedDevice], now: datetime
) -> tuple[ClaimId, ...]:
    """Claims devices of a host for a server, each with its event; the unique index refuses one that has an owner."""
    made: list[ClaimId] = []
    for device in devices:
        made.append(ClaimId(control.new_id()))
        claims.insert_claim(tx, made[-1], device.device_id, host_id, server_id, device.alias, now)
        why = f"placed for alias {device.alias}" if device.alias else "travels with its card"
        event = Event(now, "device", "available", "claimed", why, host_id, device.device_id, server_id)
        events.add_event(tx, event)
    return tuple(made)
