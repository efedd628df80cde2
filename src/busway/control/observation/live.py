"""What two hosts report of a live migration: written down here, each fact by itself; `moves.kinds.live` decides on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from busway.control.moves.kinds import kind_of
from busway.control.moves.kinds.kind import Failure
from busway.control.moves.live_devices import list_claims, names_of
from busway.domain.documents import ObservedServer
from busway.domain.errors import BuswayError
from busway.domain.ids import HostId
from busway.domain.live_move import LiveSeen, LiveStage
from busway.domain.move import LiveDetails, Move, MoveSide, MoveState
from busway.domain.server import PowerState
from busway.store import events, moves, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow

_OFF = (PowerState.SHUTOFF, PowerState.CRASHED)
_LONGEST_ADDRESS = 300  # characters: a name of DNS, and its port
_REPLUG = timedelta(seconds=120)  # that a host may take to give a guest its devices again
_GONE = BuswayError(
    "The guest does not run any more", detail="It has powered itself off, or its host was restarted.", code="live-off"
)


def take_source(tx: Tx, row: ServerRow, observed: ObservedServer, generation: int, now: datetime) -> bool:
    """Takes in what the host tells that the guest goes away from; False if it is not such a host."""
    move = moves.find_open_move(tx, row.id)
    if move is None or move.live is None or move.state not in (MoveState.MIGRATING, MoveState.REVERTING):
        return False
    if move.source.host_id != row.host_id:
        return False
    live = move.live
    seen = observed.live if observed.live is not None and observed.live.move == move.uuid else None
    if seen is not None and seen.stage is not LiveStage.LISTENING:
        live = replace(live, progress=seen.progress)
    if seen is not None and seen.stage is LiveStage.HANDED and observed.power in _OFF:
        live = replace(live, handed=True)
    elif generation >= row.generation and seen is None and observed.power is not None:
        _take_kept(tx, row, move, observed, now)
        if move.state is MoveState.REVERTING:
            live = replace(live, kept=_has_all(tx, row, move, observed, now))
        elif live.parting and observed.attached is not None:
            live = _take_parting(tx, row, move, observed, now)
    if live != move.live:
        moves.set_live(tx, move, live, now)
    if observed.power is not None and observed.power is not row.power and not live.handed:
        servers.update_server(tx, row.id, now, power=observed.power)
    return True


def _has_all(tx: Tx, row: ServerRow, move: Move, observed: ObservedServer, now: datetime) -> bool:
    """True for a guest that has its devices again, or is off, or does not get them: that is told, and its next start brings them."""
    if move.live is None or not move.live.parting or observed.attached is None or observed.power in _OFF:
        return True
    return not _lacks(tx, row, move, move.source, observed, now)


def _lacks(tx: Tx, row: ServerRow, move: Move, side: MoveSide, observed: ObservedServer, now: datetime) -> bool:
    """True while a guest is still to get a device of a side; one that does not come is written to the events, once, and waited for no longer."""
    missing = sorted(names_of(tx, list_claims(tx, row, side.claims)) - {*(observed.attached or ())})
    if missing and observed.fault is None and now - move.updated < _REPLUG:
        return True
    if missing:
        why = f"its guest runs without {', '.join(missing)}, which is still its own: a hard reboot gives it back"
        if observed.fault is not None:
            why += f" ({observed.fault.brief})"
        events.add_event(tx, Event(now, "server", str(row.status), str(row.status), why, side.host_id, None, row.id))
    return False


def _take_parting(tx: Tx, row: ServerRow, move: Move, observed: ObservedServer, now: datetime) -> LiveDetails:
    """A guest without its devices may be sent; with one that does not let go, the migration ends, and it keeps all."""
    assert move.live is not None
    kept = names_of(tx, list_claims(tx, row, move.source.claims)) & {*(observed.attached or ())}
    if not kept:
        return replace(move.live, parted=True)
    unwilling = sorted(kept & {*observed.ignored})
    if unwilling:
        error = BuswayError(
            f"The guest does not let go of {', '.join(unwilling)}",
            detail="It was asked to, and kept the device. So it stays where it is, with all its devices.",
            remedy="Unload what uses the device in the guest, or migrate the server cold: openstack server migrate ID",
            code="live-unwilling",
        )
        _fail(tx, row, move, error, "", now)
    return move.live


def awaits_devices(tx: Tx, row: ServerRow, observed: ObservedServer, now: datetime) -> bool:
    """True while a guest that has arrived lacks a device that it is to get on its new host."""
    move = moves.find_open_move(tx, row.id)
    if move is None or move.live is None or not move.live.unplugs or move.state is not MoveState.POST_MIGRATING:
        return False
    return observed.power is PowerState.RUNNING and _lacks(tx, row, move, move.target, observed, now)


def _take_kept(tx: Tx, row: ServerRow, move: Move, observed: ObservedServer, now: datetime) -> None:
    """The host has the guest and does not send it: because it could not, or because there is nothing to send any more."""
    if move.state is not MoveState.MIGRATING:
        return
    if observed.fault is not None:
        fault = observed.fault
        error = BuswayError(fault.brief, detail=fault.detail, remedy=fault.remedy, code=fault.code)
        _fail(tx, row, move, error, f"step {fault.step}: {fault.detail}", now)
    elif observed.power in _OFF:
        _fail(tx, row, move, _GONE, "", now)


def take_target(tx: Tx, row: ServerRow, host_id: HostId, observed: ObservedServer, now: datetime) -> None:
    """Takes in what the host tells that the guest goes to: where it listens, that it can't, or that the guest runs there."""
    move = moves.find_open_move(tx, row.id)
    if move is None or move.live is None or move.target.host_id != host_id:
        return
    if move.state not in (MoveState.MIGRATING, MoveState.REVERTING):
        return
    live, seen = move.live, observed.live
    listens = seen is not None and seen.move == move.uuid and seen.stage is LiveStage.LISTENING
    if seen is not None and listens:
        address, fingerprint = seen.address[:_LONGEST_ADDRESS], seen.fingerprint[:_LONGEST_ADDRESS]
        if (address, fingerprint) != (live.address, live.fingerprint):
            live = replace(live, address=address, fingerprint=fingerprint, told=False)
    if observed.power is PowerState.RUNNING and not observed.arriving:  # its source alone can have told it so
        live = replace(live, handed=True)
    elif observed.fault is not None and move.state is MoveState.MIGRATING:
        fault = observed.fault
        error = BuswayError(fault.brief, detail=fault.detail, remedy=fault.remedy, code=fault.code)
        _fail(tx, row, move, error, f"step {fault.step}: {fault.detail}", now)
    if live != move.live:
        moves.set_live(tx, move, live, now)


def note_downtime(tx: Tx, row: ServerRow, seen: LiveSeen, now: datetime) -> None:
    """Writes down how long a guest stood still, which its source knows when the guest runs elsewhere."""
    if seen.stage is not LiveStage.HANDED or not seen.progress.downtime_ms:
        return
    move = moves.find_move(tx, seen.move)
    if move is None or move.server_id != row.id or move.live is None:
        return
    if move.live.progress.downtime_ms == seen.progress.downtime_ms and move.live.measured:
        return
    moves.set_live(tx, move, replace(move.live, progress=seen.progress, measured=True), now)
    why = f"its guest stood still for {seen.progress.downtime_ms} ms while it went to another host"
    events.add_event(tx, Event(now, "server", str(row.status), str(row.status), why, row.host_id, None, row.id))


def _fail(tx: Tx, row: ServerRow, move: Move, error: BuswayError, facts: str, now: datetime) -> None:
    kind_of(move).fail(Failure(tx, row, move, error, facts, now))
