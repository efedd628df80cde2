"""A server's presence on one host: what of it must be there now. In a move a server has two."""

from __future__ import annotations

from dataclasses import dataclass

from busway.control.moves.kinds import kind_of
from busway.control.moves.sides import current_side
from busway.domain.claim import ClaimState
from busway.domain.ids import HostId
from busway.domain.live_move import LiveOrder, LiveRole
from busway.domain.move import Move, MoveKind, MoveSide, MoveState
from busway.store import claims, moves
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.servers import ServerRow


@dataclass(frozen=True, slots=True)
class Presence:
    """What a host must have of a server; `claims` are those on the devices that are its own there."""

    row: ServerRow
    side: MoveSide
    claims: tuple[Claim, ...]
    powered: bool
    live: LiveOrder | None = None


def presence_of(tx: Tx, row: ServerRow, host_id: HostId) -> Presence | None:
    """The presence of a server on a host: its guest's, or that of the disk and devices that an unconfirmed move left there.

    None on the target of a move whose disk has not yet arrived: the devices are claimed, but the host's document does
    not have the server. That of a live migration has it from the beginning.
    """
    live = [c for c in claims.list_live_claims(tx, server_id=row.id) if c.state is not ClaimState.RELEASING]
    move = moves.find_open_move(tx, row.id)
    if row.host_id == host_id:
        side = current_side(row, move, live)
        return Presence(row, side, () if _parts(move) else _of(live, side), row.powered, _outgoing(move))
    if move is not None and move.kind is MoveKind.LIVE:
        return _awaited(row, move, live, host_id)
    if move is not None and move.source.host_id == host_id and move.state is not MoveState.MIGRATING:
        return Presence(row, move.source, _of(live, move.source), kind_of(move).source_runs(move))
    return None


def _awaited(row: ServerRow, move: Move, live: list[Claim], host_id: HostId) -> Presence | None:
    """What the target of a live migration must have: it awaits the guest, and may not start it. Its source is left afterwards."""
    if move.target.host_id != host_id or move.live is None:
        return None
    order = LiveOrder(move.uuid, LiveRole.INCOMING, move.live.secret)
    return Presence(row, move.target, _of(live, move.target), row.powered, order)


def _outgoing(move: Move | None) -> LiveOrder | None:
    """What the source is to do, as soon as its target listens; once it is to keep the guest, nothing."""
    if move is None or move.live is None or move.state is not MoveState.MIGRATING or not move.live.told:
        return None
    known = move.live
    return LiveOrder(move.uuid, LiveRole.OUTGOING, known.secret, known.address, known.fingerprint, known.force)


def _parts(move: Move | None) -> bool:
    """True while a guest must be without its devices on the source of a live migration; their claims stay."""
    return move is not None and move.live is not None and move.state is MoveState.MIGRATING and move.live.parting


def _of(live: list[Claim], side: MoveSide) -> tuple[Claim, ...]:
    return tuple(claim for claim in live if claim.id in side.claims and claim.host_id == side.host_id)
