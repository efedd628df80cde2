"""What happens to a server if a step failed on its host; that depends on the act that was in progress."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from busway.control.moves.kinds import kind_of
from busway.control.moves.kinds.kind import Failure
from busway.control.moves.kinds.unshelve import SHELVED, fail_unshelve
from busway.control.servers.access import desire
from busway.control.servers.fail import refuse
from busway.control.servers.leave import drop_uploads, leave
from busway.domain.claim import ClaimState
from busway.domain.documents import ObservedServer
from busway.domain.errors import BuswayError
from busway.domain.grant import Fault
from busway.domain.move import MoveKind, MoveState
from busway.domain.server import Hold, PowerState, ServerStatus
from busway.store import actions, claims, events, moves
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow

_HOLDS = {ServerStatus.PAUSED: Hold.PAUSED}


def take_fault(tx: Tx, row: ServerRow, fault: Fault, seen: ObservedServer, now: datetime) -> None:
    """A build that its host refused ends in ERROR and releases its devices.

    A later act that failed is only recorded.
    """
    error = BuswayError(fault.brief, detail=fault.detail, remedy=fault.remedy, code=fault.code)
    if row.status is ServerStatus.BUILD:
        refuse(tx, row, error, now, facts=f"step {fault.step}: {fault.detail}")
        leave(tx, row, now, reason=f"build failed: {fault.brief}")
        return
    move = moves.find_open_move(tx, row.id)
    if move is not None and row.status in (ServerStatus.REBUILD, ServerStatus.RESIZE):
        kind_of(move).fail(Failure(tx, row, move, error, f"step {fault.step}: {fault.detail}", now))
    elif row.status is ServerStatus.REBUILD:  # it keeps its host and its devices, and may be rebuilt again
        refuse(tx, row, error, now, facts=f"step {fault.step}: {fault.detail}")
        return
    elif row.status in SHELVED:
        fail_unshelve(tx, row, error, now)
    elif row.task_state is not None:
        _fail_act(tx, row, error, seen, now)
    else:
        return
    actions.fail_last_action(tx, row.id, str(error), now)


def _fail_act(tx: Tx, row: ServerRow, error: BuswayError, seen: ObservedServer, now: datetime) -> None:
    """Ends the act: the server gets the state that its host reports, and uploads of its disk are cancelled.

    A guest without a domain is off; if it ran and nobody asked for it to be off, its host starts it again. A guest that has arrived by
    a live migration keeps its claims on the devices that its host could not give it.
    """
    lost = seen.power is None and row.powered and row.power is PowerState.RUNNING
    status, hold = _status_of(row, seen)
    powered = status is not ServerStatus.SHUTOFF or lost
    drop_uploads(tx, row, now)
    rescue = replace(row.rescue, over=False) if row.rescue is not None and status is ServerStatus.RESCUE else None
    values = {"rescue": rescue, "rescue_image_id": row.rescue_image_id if rescue is not None else None}
    desire(tx, row, now, status=status, task_state=None, power=seen.power, powered=powered, hold=hold, **values)
    event = Event(now, "server", str(row.status), str(status), str(error), row.host_id, None, row.id)
    events.add_event(tx, event)
    move = moves.find_open_move(tx, row.id)
    if move is not None and move.state is MoveState.REVERTING:
        moves.set_move_state(tx, move, MoveState.REVERTED, now)
    elif move is not None and move.kind is MoveKind.LIVE and move.state is MoveState.POST_MIGRATING:
        moves.set_move_state(tx, move, MoveState.ERROR, now)
        of_target = [claim for claim in claims.list_live_claims(tx, server_id=row.id) if claim.id in move.target.claims]
        claims.move_claims(
            tx, [each for each in of_target if each.state is ClaimState.CLAIMED], ClaimState.ALLOCATED, now
        )


def _status_of(row: ServerRow, seen: ObservedServer) -> tuple[ServerStatus, Hold | None]:
    """The status and the hold of a server whose act has failed; a guest that only QEMU has paused counts as running."""
    if row.rescue is not None and seen.rescue == row.rescue.number and seen.is_active:
        return ServerStatus.RESCUE, None
    held = Hold.PAUSED in (row.hold, _HOLDS.get(row.status))
    if seen.power is PowerState.PAUSED and held:
        return ServerStatus.PAUSED, Hold.PAUSED
    if seen.power in (PowerState.RUNNING, PowerState.PAUSED):
        return ServerStatus.ACTIVE, None
    return (ServerStatus.SUSPENDED, Hold.SUSPENDED) if seen.saved else (ServerStatus.SHUTOFF, None)
