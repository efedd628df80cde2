"""What becomes of a server whose host could not do a step: each act fails in its own way."""

from __future__ import annotations

from datetime import datetime

from busway.control.moves.kinds import kind_of
from busway.control.moves.kinds.kind import Failure
from busway.control.moves.kinds.unshelve import SHELVED, fail_unshelve
from busway.control.servers.fail import refuse
from busway.control.servers.leave import drop_uploads, leave
from busway.domain.errors import BuswayError
from busway.domain.grant import Fault
from busway.domain.move import MoveState
from busway.domain.server import PowerState, ServerStatus
from busway.store import actions, events, moves, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow


def take_fault(tx: Tx, row: ServerRow, fault: Fault, power: PowerState | None, now: datetime) -> None:
    """A build that its host refused ends in ERROR and gives its devices back; a later act that failed is only told."""
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
        _fail_act(tx, row, error, power, now)
    else:
        return
    actions.fail_last_action(tx, row.id, str(error), now)


def _fail_act(tx: Tx, row: ServerRow, error: BuswayError, power: PowerState | None, now: datetime) -> None:
    """It is as its host sees it, and what was asked of its disk is asked no longer.

    A guest without a domain is off. If it ran and nobody asked for it to be off, its host starts it again.
    """
    running = power is PowerState.RUNNING
    lost = power is None and row.powered and row.power is PowerState.RUNNING
    status = ServerStatus.ACTIVE if running else ServerStatus.SHUTOFF
    drop_uploads(tx, row, now)
    servers.update_server(tx, row.id, now, status=status, task_state=None, power=power, powered=running or lost)
    event = Event(now, "server", str(row.status), str(status), str(error), row.host_id, None, row.id)
    events.add_event(tx, event)
    move = moves.find_open_move(tx, row.id)
    if move is not None and move.state is MoveState.REVERTING:
        moves.set_move_state(tx, move, MoveState.REVERTED, now)
