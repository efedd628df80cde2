"""Use cases for a live migration under way: look at it, abort it, let the guest stand still so that it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.servers.access import note_action, server_row
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.ids import HostId
from busway.domain.move import LiveDetails, Move, MoveKind, MoveState
from busway.policy import allows
from busway.store import hosts, moves
from busway.store.database import Tx
from busway.store.servers import ServerRow

_UNDER_WAY = (MoveState.MIGRATING, MoveState.POST_MIGRATING, MoveState.REVERTING)


@dataclass(frozen=True, slots=True)
class LiveMove:
    """A live migration with the names of its hosts, which few may see."""

    move: Move
    live: LiveDetails
    host_names: Mapping[HostId, str]


def list_live(control: Control, caller: Caller, server_id: str) -> list[LiveMove]:
    """The live migration that a server is in, if any."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "listLive")
        move = moves.find_open_move(tx, row.id)
        names_too = allows(caller, "os_compute_api:servers:migrations:index:host")
        return [_view(tx, move, names_too)] if move is not None and move.kind is MoveKind.LIVE else []


def show_live(control: Control, caller: Caller, server_id: str, number: int) -> LiveMove:
    """One that is under way; raises `NotFound`."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "showLive")
        return _view(tx, _find(tx, row, number), True)


def abort_live(control: Control, caller: Caller, server_id: str, number: int, request_id: str) -> None:
    """Asks for the guest to stay where it is; one that has left by then continues on its new host."""
    _wish(control, caller, server_id, number, request_id, abort=True)


def force_live(control: Control, caller: Caller, server_id: str, number: int, request_id: str) -> None:
    """Lets the guest stand still until all is copied."""
    _wish(control, caller, server_id, number, request_id, abort=False)


def _wish(control: Control, caller: Caller, server_id: str, number: int, request_id: str, *, abort: bool) -> None:
    now = control.now()
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "abortLive" if abort else "forceLive", lock=True)
        move = _find(tx, row, number)
        live = move.live
        assert live is not None
        can = move.state is MoveState.MIGRATING and not live.handed
        if not can or (not abort and not live.told):
            raise BadInput(
                f"Migration {number} of server {row.id} is not {'under way' if abort else 'running'} any more or not yet",
                detail=f"It is {move.state}." if not can else "Nothing is copied yet.",
                remedy="See `openstack server migration list`.",
                code="live-state",
            )
        wished = replace(live, abort=True) if abort else replace(live, force=True)
        moves.set_live(tx, move, wished, now)
        if not abort:
            hosts.bump_generation(tx, move.source.host_id)
        action = "live_migration_abort" if abort else "live_migration_force_complete"
        note_action(tx, caller, row.id, action, request_id, now)
    control.bell.ring("advance" if abort else f"host:{move.source.host_id}")


def _find(tx: Tx, row: ServerRow, number: int) -> Move:
    move = moves.find_move_of(tx, row.id, number)
    if move is None or move.kind is not MoveKind.LIVE or move.state not in _UNDER_WAY:
        raise NotFound(
            f"In-progress live migration {number} is not found for server {row.id}.",
            remedy="See `openstack server migration list`.",
            code="migration-not-found",
        )
    return move


def _view(tx: Tx, move: Move, names_too: bool) -> LiveMove:
    assert move.live is not None
    names = hosts.names_of(tx, (move.source.host_id, move.target.host_id)) if names_too else {}
    return LiveMove(move, move.live, names)
