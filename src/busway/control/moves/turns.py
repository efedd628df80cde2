"""The turns of a move: over to the target, back to the source, and the end of either side. Each within a transaction."""

from __future__ import annotations

from datetime import datetime

from busway.control.servers.access import set_status
from busway.control.servers.leave import depart, drop_uploads, release
from busway.domain.ids import HostId
from busway.domain.move import Move, MoveSide, MoveState
from busway.domain.server import PowerState, ServerStatus, TaskState
from busway.store import claims, events, hosts, moves, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow


def switch(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """Switches a server to the target of its move, once its guest is off and its disk is there; the source keeps its side."""
    drop_uploads(tx, row, now)
    moves.set_move_state(tx, move, MoveState.POST_MIGRATING, now)
    if not move.in_place:
        hosts.bump_generation(tx, move.source.host_id)
    _settle_on(tx, row, move.target, move.powered, now, task_state=TaskState.RESIZE_FINISH)
    why = "its new size is being set up" if move.in_place else "its disk has arrived; another host takes over"
    events.add_event(tx, Event(now, "server", "RESIZE", "RESIZE", why, move.target.host_id, None, row.id))
    return {move.source.host_id, move.target.host_id}


def begin_revert(tx: Tx, row: ServerRow, move: Move, reason: str, now: datetime) -> set[HostId]:
    """Takes the target's side away; the source's guest may start only once the target's was seen to be gone."""
    drop_uploads(tx, row, now)
    target_knows = move.state is not MoveState.MIGRATING
    moves.set_move_state(tx, move, MoveState.REVERTING, now)
    set_status(tx, row, ServerStatus.REVERT_RESIZE, reason, now, task_state=TaskState.RESIZE_REVERTING)
    if move.in_place:
        restored = restore(tx, row, move, now)
        release_side(tx, move.target, move.source, now, reason)
        return restored
    depart(tx, row.id, move.target.host_id, now, reason)
    return {move.target.host_id} if target_knows else {move.target.host_id, *restore(tx, row, move, now)}


def restore(tx: Tx, row: ServerRow, move: Move, now: datetime) -> set[HostId]:
    """Gives a server back to its source host, as it was there."""
    still_runs = move.is_hot and row.power is PowerState.RUNNING
    _settle_on(tx, row, move.source, row.powered if still_runs else move.powered, now, starts_anew=not still_runs)
    return {move.source.host_id}


def release_side(tx: Tx, side: MoveSide, kept: MoveSide, now: datetime, reason: str) -> None:
    """Releases the claims of one side that the other one does not have; their host stays the server's."""
    gone = [claim for claim in claims.list_live_claims(tx, host_id=side.host_id) if claim.id in side.claims]
    generation = hosts.bump_generation(tx, side.host_id)
    release(tx, [claim for claim in gone if claim.id not in kept.claims], generation, now, reason)


def _settle_on(
    tx: Tx, row: ServerRow, side: MoveSide, powered: bool, now: datetime, *, starts_anew: bool = True, **values: object
) -> None:
    generation = hosts.bump_generation(tx, side.host_id)
    root = None if side.image_id == row.image_id else side.image_id
    values |= {"flavor": side.flavor, "root_image_id": root, "ephemeral_image_id": side.ephemeral_image_id}
    values |= {"disks": side.disks, "generation": generation}
    starts = row.starts + 1 if powered and starts_anew else row.starts
    servers.update_server(tx, row.id, now, host_id=side.host_id, powered=powered, starts=starts, **values)
