"""Live migration: a guest that runs goes to another host, disks and all.

Sides: the source runs the guest until the target has it whole; the target gets devices of its own, a disk with a number of its own,
and awaits the guest. A guest with devices is asked to let go of them then, and is sent when it has; it is given those of the target once
it runs there. It has arrived when the source has written down that the guest is not its own any more: the guest stands
still on the target then, and its host may let it run. A failure, or its user's wish to stop it, leaves the guest where it is:
the target is left once the source has said that it has the guest and does not send it. Nothing is left for its user to confirm.

What decides is always what a host has reported, never what it was told: so a process that dies, at any point, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from busway.control.moves.kinds.kind import Failure, Kind, take_back
from busway.control.servers.access import set_status
from busway.control.servers.leave import depart
from busway.domain.ids import HostId
from busway.domain.move import Move, MoveKind, MoveState
from busway.domain.server import Hold, PowerState, ServerStatus
from busway.store import actions, events, hosts, moves, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow


def has_arrived(_row: ServerRow, move: Move, _disk: bool) -> bool:
    """The source has given the guest away."""
    return move.live is not None and move.live.handed


def _source_runs(move: Move) -> bool:
    return move.live is not None and not move.live.handed


def _fail(failure: Failure) -> None:
    """The source keeps the guest, unless it is the target's already: then it is as that sees it."""
    take_back(failure)


def advance(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """Tells the source of its target, takes the server over to the target, or leaves that."""
    live = move.live
    assert live is not None
    if move.state is MoveState.POST_MIGRATING:
        return set()
    if live.handed:
        return _switch(tx, row, move, now)
    if move.state is MoveState.REVERTING:
        return _fail_at_source(tx, row, move, now) if live.kept else set()
    if move.error is not None or live.abort:
        return _hold_back(tx, row, move, now)
    if live.address and live.unplugs and not live.parted:
        return _part(tx, row, move, now)
    if live.address and not live.told:
        moves.set_live(tx, move, replace(live, told=True), now)
        hosts.bump_generation(tx, move.source.host_id)
        return {move.source.host_id}
    return set()


def _part(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """The target has devices for the guest and awaits it: the guest is asked to let go of those that it has."""
    assert move.live is not None
    if move.live.parting:
        return set()
    moves.set_live(tx, move, replace(move.live, parting=True), now)
    generation = hosts.bump_generation(tx, move.source.host_id)
    servers.update_server(tx, row.id, now, generation=generation)
    return {move.source.host_id}


def _switch(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """From here on the server is the target's. The source is left at once: its guest has ended."""
    moves.set_move_state(tx, move, MoveState.POST_MIGRATING, now)
    depart(tx, row.id, move.source.host_id, now, "its guest continues on another host")
    generation = hosts.bump_generation(tx, move.target.host_id)
    values = {"host_id": move.target.host_id, "disks": move.target.disks, "ephemeral_image_id": None}
    servers.update_server(tx, row.id, now, generation=generation, **values)
    why = "its guest has arrived on another host"
    events.add_event(tx, Event(now, "server", str(row.status), str(row.status), why, move.target.host_id, None, row.id))
    return {move.source.host_id, move.target.host_id}


def _hold_back(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """Tells the source to send the guest no more; what it has done by then decides."""
    moves.set_move_state(tx, move, MoveState.REVERTING, now)
    generation = hosts.bump_generation(tx, move.source.host_id)
    servers.update_server(tx, row.id, now, generation=generation)
    return {move.source.host_id}


def _fail_at_source(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """The source has the guest: the target is left, and the server is as it was."""
    assert move.live is not None
    aborted = move.live.abort
    reason = "its live migration was aborted" if aborted else f"its live migration failed: {move.error}"
    moves.set_move_state(tx, move, MoveState.CANCELLED if aborted else MoveState.ERROR, now)
    depart(tx, row.id, move.target.host_id, now, reason)
    runs = row.power in (PowerState.RUNNING, PowerState.PAUSED)
    running = ServerStatus.PAUSED if row.hold is Hold.PAUSED else ServerStatus.ACTIVE
    status = running if runs else ServerStatus.SHUTOFF
    generation = hosts.bump_generation(tx, move.source.host_id)
    set_status(tx, row, status, reason, now, task_state=None, powered=runs, generation=generation)
    if move.error is not None:
        actions.fail_last_action(tx, row.id, str(move.error), now)
    return {move.source.host_id, move.target.host_id}


KIND = Kind(MoveKind.LIVE, has_arrived, MoveState.DONE, _fail, _source_runs, advance=advance)
