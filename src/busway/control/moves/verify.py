"""Use cases: confirm or revert a move that waits for its user.

The old and the new devices are both the server's until then.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.moves.turns import begin_revert, release_side
from busway.control.servers.access import idle_server, note_action, set_status
from busway.control.servers.leave import depart
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.move import Move, MoveState
from busway.domain.server import PowerState, ServerStatus, TaskState
from busway.store import hosts, moves
from busway.store.database import Tx, take_turn
from busway.store.servers import ServerRow


def confirm_resize(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Keeps the new side of a move; what the old one has is free once its host says so."""
    now = control.now()
    with control.db.write() as tx:
        take_turn(tx, "place")
        row, move = _finished(tx, caller, server_id, "confirmResize")
        reason = f"move confirmed by {caller.user_name}"
        if move.in_place:
            release_side(tx, move.source, move.target, now, reason)
        else:
            depart(tx, row.id, move.source.host_id, now, reason)
        moves.set_move_state(tx, move, MoveState.CONFIRMED, now)
        runs = row.power in (PowerState.RUNNING, PowerState.PAUSED)
        # A guest that its host's restart ended is started again.
        task = TaskState.POWERING_ON if row.powered and not runs else None
        status = ServerStatus.ACTIVE if runs else ServerStatus.SHUTOFF
        set_status(tx, row, status, reason, now, powered=row.powered or runs, task_state=task)
        note_action(tx, caller, row.id, "confirmResize", request_id, now)
    control.crashpoint("confirm:after-commit")
    control.bell.ring(f"host:{move.source.host_id}")


def revert_resize(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Goes back to the old side of a move, with the disk as it was; the new devices are free once their host says so."""
    now = control.now()
    with control.db.write() as tx:
        take_turn(tx, "place")
        row, move = _finished(tx, caller, server_id, "revertResize")
        hosts.lock_hosts(tx, (move.source.host_id, move.target.host_id))
        changed = begin_revert(tx, row, move, f"move reverted by {caller.user_name}", now)
        note_action(tx, caller, row.id, "revertResize", request_id, now)
    control.crashpoint("revert:after-commit")
    for host_id in changed:
        control.bell.ring(f"host:{host_id}")


def _finished(tx: Tx, caller: Caller, server_id: str, act: str) -> tuple[ServerRow, Move]:
    row = idle_server(tx, caller, server_id, act, {ServerStatus.VERIFY_RESIZE})
    move = moves.find_open_move(tx, row.id)
    if move is None:
        raise Conflict(f"Server {row.id} is not being moved", code="server-state")
    return row, move
