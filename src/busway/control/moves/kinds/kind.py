"""A kind of move as data: what differs between a resize, a migration and an evacuation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from busway.domain.errors import BuswayError
from busway.domain.ids import HostId
from busway.domain.move import Move, MoveKind, MoveState
from busway.store import moves
from busway.store.database import Tx
from busway.store.servers import ServerRow


@dataclass(frozen=True, slots=True)
class Failure:
    """A host could not do its part of a move; `facts` are for admins."""

    tx: Tx
    row: ServerRow
    move: Move
    error: BuswayError
    facts: str
    now: datetime


def _off(_move: Move) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Kind:
    """What is special about one kind of move.

    - `has_arrived(server, move, disk)` says whether the target may take over; `disk` is true once the disk has arrived.
    - `reached` is the move's state once the target's guest is as it must be; FINISHED waits for the server's user.
    - `fail` says what becomes of it when a host can't do its part.
    - `source_runs` says whether the source's guest must run while another host is the server's: no, unless two hosts hand
      a running guest over.
    - `advance(tx, server, move, now)` takes it further instead of what others do, and returns the hosts whose documents have changed.
    - `returns` is false for a move that has no source to go back to: the source is left at once.

    Whatever its kind, a move is cancelled by deleting its server: both sides leave their hosts (`servers.leave`).
    """

    of: MoveKind
    has_arrived: Callable[[ServerRow, Move, bool], bool]
    reached: MoveState
    fail: Callable[[Failure], None]
    source_runs: Callable[[Move], bool] = _off
    returns: bool = True
    advance: Callable[[Tx, ServerRow, Move, datetime], set[HostId]] | None = None


def take_back(failure: Failure) -> None:
    """Lets a move be taken back to its source: that has to do with two hosts, and so is done by `advance`."""
    if failure.move.error is None:
        moves.set_move_error(failure.tx, failure.move, str(failure.error), failure.now)
