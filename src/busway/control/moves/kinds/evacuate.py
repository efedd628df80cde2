"""Evacuation: a server of a host that is down, onto another one.

Sides: the source is left at once and has nothing to go back to; the target gets devices of its own and a new disk
from the image. It has arrived from the start. A failure ends the server in ERROR, from where it may be evacuated or
rebuilt again.

Disks are local, so the server boots from its image again. The old host keeps the claims until it returns, reads that
the server is absent there, tears it down, and reports that it holds nothing. A host that only seemed to be down thus
stops its guest before it does anything else. In the midst of a live migration the server is evacuated to the target of that, if it
is up: what the target has of the guest ends there before the new one begins. Nothing here can end a guest on a host that can't be reached: who
evacuates must know that it is off.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.hosts.down import check_known_down
from busway.control.moves.kinds.kind import Failure, Kind
from busway.control.moves.sides import current_side
from busway.control.moves.target import claim_placement, place_now
from busway.control.placement.snapshot import is_up
from busway.control.servers.access import note_action, server_row, set_status
from busway.control.servers.fail import refuse
from busway.control.servers.leave import depart, drop_uploads
from busway.control.servers.rebuild import on_new_disk
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import ClaimId, HostId
from busway.domain.move import Move, MoveKind, MoveSide, MoveState
from busway.domain.server import ServerStatus, TaskState
from busway.store import claims, hosts, moves, server_passwords
from busway.store.database import Tx, take_turn
from busway.store.hosts import HostRow
from busway.store.servers import Intent, ServerRow

_FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.SHUTOFF, ServerStatus.ERROR, ServerStatus.REBUILD})
_MOVING = frozenset({ServerStatus.MIGRATING})


def has_arrived(_row: ServerRow, _move: Move, _disk: bool) -> bool:
    """There is nothing to wait for."""
    return True


def _fail(failure: Failure) -> None:
    refuse(failure.tx, failure.row, failure.error, failure.now, failure.facts)
    moves.set_move_state(failure.tx, failure.move, MoveState.ERROR, failure.now)


KIND = Kind(MoveKind.EVACUATION, has_arrived, MoveState.DONE, _fail, returns=False)


def evacuate_server(
    control: Control,
    caller: Caller,
    server_id: str,
    request_id: str,
    host: str | None = None,
    *,
    stay_off: bool = False,
    admin_pass: str | None = None,
) -> None:
    """Places a server elsewhere; raises `BadInput` while its host reports. With `stay_off` its user starts it.

    Its disk is new, and its guest gets `admin_pass` in its metadata, once.
    """
    now = control.now()
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = server_row(tx, caller, server_id, "evacuate", lock=True)
        moving = moves.find_open_move(tx, row.id)
        source_host = _down_host(control, tx, row, moving)
        awaited = _awaiting_host(control, tx, row, moving, host)
        if host is not None and hosts.find_host(tx, host) is None:
            raise NotFound(f"Compute host {host} could not be found.", remedy="busway host list", code="host-not-found")
        live = [c for c in claims.list_live_claims(tx, server_id=row.id) if c.state is not ClaimState.RELEASING]
        source = current_side(row, None, [claim for claim in live if claim.host_id == source_host.id])
        reason = f"evacuated by {caller.user_name} from host {source_host.name}"
        drop_uploads(tx, row, now)
        if awaited is not None:
            hosts.lock_hosts(tx, (source_host.id, awaited.target.host_id))
            depart(tx, row.id, source_host.id, now, reason)
            target = _new_side(row, awaited.target.host_id, awaited.target.claims)
            generation = hosts.bump_generation(tx, target.host_id)
        else:
            if moving is not None and moving.kind is MoveKind.LIVE and moving.target.host_id != source_host.id:
                depart(tx, row.id, moving.target.host_id, now, reason)
            placement = place_now(control, tx, row, row.flavor, host=host, without=source_host.id)
            hosts.lock_hosts(tx, (source_host.id, placement.host_id))
            depart(tx, row.id, source_host.id, now, reason)
            target = _new_side(row, placement.host_id, claim_placement(control, tx, row, row.flavor, placement))
            generation = placement.generation + 1
        powered = row.status is not ServerStatus.SHUTOFF and not stay_off
        uuid, who = control.new_id(), (caller.user_id, caller.project_id)
        kind, state = MoveKind.EVACUATION, MoveState.POST_MIGRATING
        moves.insert_move(tx, uuid, row.id, kind, state, source, target, powered, *who, now)
        begun = {**on_new_disk(row, powered=powered), "host_id": target.host_id, "power": None}
        set_status(tx, row, ServerStatus.REBUILD, reason, now, **begun, admin_pass=admin_pass, generation=generation)
        server_passwords.clear_password(tx, row.id)
        note_action(tx, caller, row.id, "evacuate", request_id, now)
    control.crashpoint("evacuate:after-commit")
    for host_id in (source.host_id, target.host_id):
        control.bell.ring(f"host:{host_id}")
    control.bell.ring(OVERLAY)


def _new_side(row: ServerRow, host_id: HostId, claimed: tuple[ClaimId, ...]) -> MoveSide:
    """The target, with a new disk made from the image."""
    return MoveSide(host_id, row.flavor, row.image_id, (row.last_disk + 1,), claimed)


def _awaiting_host(control: Control, tx: Tx, row: ServerRow, moving: Move | None, host: str | None) -> Move | None:
    """The live migration whose target takes the server over, because it is up; None for any other server."""
    if moving is None or moving.kind is not MoveKind.LIVE or moving.target.host_id == row.host_id:
        return None
    target = hosts.find_host_by_id(tx, moving.target.host_id)
    if target is None or not is_up(control.settings, target, control.now()):
        return None
    if host not in (None, target.name):
        raise Conflict(
            f"Server {row.id} is being migrated live to host {target.name}, which may have its guest",
            detail="A guest must never run on two hosts, and that host ends what it has before it begins again.",
            remedy=f"Evacuate it without naming a host, or to {target.name}.",
            code="server-leaving",
        )
    return moving


def _down_host(control: Control, tx: Tx, row: ServerRow, moving: Move | None) -> HostRow:
    """The host of a server that may be evacuated; a move that it is in ends.

    Nothing is requested of the lost host, so the server may have any task state.
    """
    found = hosts.find_host_by_id(tx, row.host_id) if row.host_id is not None else None
    live = moving is not None and moving.kind is MoveKind.LIVE
    if (
        row.status not in (_FROM | _MOVING if live else _FROM)
        or row.task_state is TaskState.DELETING
        or row.intent is not Intent.PRESENT
    ):
        raise Conflict(
            f"Cannot 'evacuate' server {row.id} while it is {row.status}",
            detail=f"It must be {', '.join(sorted(_FROM))} on a host that is down.",
            code="server-state",
        )
    if found is None or (moving is not None and moving.kind not in (MoveKind.EVACUATION, MoveKind.LIVE)):
        raise Conflict(f"Server {row.id} is not on a host", code="server-state")
    if is_up(control.settings, found, control.now()):
        raise BadInput(
            f"Compute service of {found.name} is still in use.",
            detail="Its agent still reports, and a guest must never run on two hosts.",
            remedy="Migrate the server instead, or switch that host off and wait until it counts as down.",
            code="host-is-up",
        )
    check_known_down(control, found.name)
    if moving is not None:
        moves.set_move_state(tx, moving, MoveState.CANCELLED if live else MoveState.ERROR, control.now())
    return found
