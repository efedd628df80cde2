"""A server's stay on one host: what of it must be there now. In a move a server has two."""

from __future__ import annotations

from dataclasses import dataclass

from busway.control.moves.kinds import kind_of
from busway.control.moves.sides import current_side
from busway.domain.claim import ClaimState
from busway.domain.ids import HostId
from busway.domain.move import MoveSide, MoveState
from busway.store import claims, moves
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.servers import ServerRow


@dataclass(frozen=True, slots=True)
class Stay:
    """What a host must have of a server; `claims` are those on the devices that are its own there."""

    row: ServerRow
    side: MoveSide
    claims: tuple[Claim, ...]
    powered: bool


def stay_of(tx: Tx, row: ServerRow, host_id: HostId) -> Stay | None:
    """The stay of a server on a host: its guest's, or that of the disk and devices that an unconfirmed move left there.

    None on the target of a move whose disk has not yet arrived: the devices are claimed, but the host's document does
    not have the server.
    """
    live = [c for c in claims.list_live_claims(tx, server_id=row.id) if c.state is not ClaimState.RELEASING]
    move = moves.find_open_move(tx, row.id)
    if row.host_id == host_id:
        side = current_side(row, move, live)
        return Stay(row, side, _of(live, side), row.powered)
    if move is not None and move.source.host_id == host_id and move.state is not MoveState.MIGRATING:
        return Stay(row, move.source, _of(live, move.source), kind_of(move).source_runs(move))
    return None


def _of(live: list[Claim], side: MoveSide) -> tuple[Claim, ...]:
    return tuple(claim for claim in live if claim.id in side.claims and claim.host_id == side.host_id)
