"""What becomes of a server whose host could not do a step: each act fails in its own way."""

from __future__ import annotations

from datetime import datetime

from busway.control.servers.fail import refuse
from busway.control.servers.leave import depart, drop_uploads, leave
from busway.domain.errors import BuswayError
from busway.domain.grant import Fault
from busway.domain.move import MoveState
from busway.domain.server import PowerState, ServerStatus, TaskState
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
    if row.status is ServerStatus.REBUILD:
        _fail_rebuild(tx, row, fault, error, now)
        return
    if row.status is ServerStatus.RESIZE:
        _fail_move(tx, row, error, now)
    elif row.status in (ServerStatus.SHELVED, ServerStatus.SHELVED_OFFLOADED):
        _fail_unshelve(tx, row, error, now)
    elif row.task_state is not None:
        _fail_act(tx, row, error, power, now)
    else:
        return
    actions.fail_last_action(tx, row.id, str(error), now)


def _fail_rebuild(tx: Tx, row: ServerRow, fault: Fault, error: BuswayError, now: datetime) -> None:
    """It keeps its host and its devices, and may be rebuilt again."""
    refuse(tx, row, error, now, facts=f"step {fault.step}: {fault.detail}")
    move = moves.find_open_move(tx, row.id)
    if move is not None:
        moves.set_move_state(tx, move, MoveState.ERROR, now)


def _fail_move(tx: Tx, row: ServerRow, error: BuswayError, now: datetime) -> None:
    """It is taken back, which has to do with two hosts and so is done by `advance`."""
    move = moves.find_open_move(tx, row.id)
    if move is not None and move.error is None:
        moves.set_move_error(tx, move, str(error), now)


def _fail_unshelve(tx: Tx, row: ServerRow, error: BuswayError, now: datetime) -> None:
    """It stays shelved; one that had been offloaded leaves the host that could not bring it up."""
    if row.task_state is not TaskState.UNSHELVING:
        return
    servers.update_server(tx, row.id, now, task_state=None, powered=False)
    if row.status is ServerStatus.SHELVED_OFFLOADED and row.host_id is not None:
        depart(tx, row.id, row.host_id, now, f"unshelving failed: {error.brief}")
        servers.update_server(tx, row.id, now, host_id=None)


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
