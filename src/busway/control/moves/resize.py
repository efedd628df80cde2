"""Use cases: resize and cold-migrate a server, and then confirm or revert it.

The old and the new devices are both the server's until its user confirms or reverts. A resize stays on the host if it can:
there the devices that the server already has may stay, so a full host can resize in place.
"""

from __future__ import annotations

from busway.control import quotas
from busway.control.context import Control
from busway.control.images.internal import want_disk
from busway.control.moves.stay import current_side
from busway.control.moves.target import claim_placement, place_now
from busway.control.moves.turns import begin_revert, release_side
from busway.control.servers.access import idle_server, note_action, placed_server, set_status
from busway.control.servers.leave import depart
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.flavor import Flavor
from busway.domain.ids import HostId
from busway.domain.move import Move, MoveKind, MoveSide, MoveState
from busway.domain.placement import Placement
from busway.domain.quota import usage_of
from busway.domain.server import PowerState, ServerStatus, TaskState
from busway.policy import authorize
from busway.store import claims, hosts, images, moves
from busway.store.database import Tx, take_turn
from busway.store.disk_uploads import UploadPurpose
from busway.store.servers import ServerRow

_FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.SHUTOFF})


def resize_server(control: Control, caller: Caller, server_id: str, flavor: Flavor, request_id: str) -> None:
    """Asks for another flavor; raises `BadInput` that says why no host can take it."""
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = placed_server(tx, caller, server_id, "resize", _FROM)
        _check_flavor(tx, row, flavor)
        quotas.check(control, tx, row.project_id, usage_of([flavor]) - usage_of([row.flavor]))
        placement = place_now(control, tx, row, flavor, in_place=True)
        target = _begin(control, tx, caller, row, MoveKind.RESIZE, flavor, placement)
        note_action(tx, caller, row.id, "resize", request_id, control.now())
    control.crashpoint("move:after-commit")
    _ring(control, row, target)


def migrate_server(control: Control, caller: Caller, server_id: str, request_id: str, host: str | None = None) -> None:
    """Asks for a server to go to another host, or to a certain one; its flavor stays."""
    if host is not None:
        authorize(caller, "os_compute_api:os-migrate-server:migrate:host")
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = placed_server(tx, caller, server_id, "migrate", _FROM)
        _check_host(tx, row, host)
        placement = place_now(control, tx, row, row.flavor, host=host, without=row.host_id)
        target = _begin(control, tx, caller, row, MoveKind.MIGRATION, row.flavor, placement)
        note_action(tx, caller, row.id, "migrate", request_id, control.now())
    control.crashpoint("move:after-commit")
    _ring(control, row, target)


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
        status = ServerStatus.ACTIVE if row.power is PowerState.RUNNING else ServerStatus.SHUTOFF
        set_status(tx, row, status, reason, now, powered=status is ServerStatus.ACTIVE)
        note_action(tx, caller, row.id, "confirmResize", request_id, now)
    control.crashpoint("confirm:after-commit")
    control.bell.ring(f"host:{move.source.host_id}")


def revert_resize(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Goes back to the old side of a move, with the disk as it was; the new devices are free once their host says so."""
    now = control.now()
    with control.db.write() as tx:
        take_turn(tx, "place")
        row, move = _finished(tx, caller, server_id, "revertResize")
        changed = begin_revert(tx, row, move, f"move reverted by {caller.user_name}", now)
        note_action(tx, caller, row.id, "revertResize", request_id, now)
    control.crashpoint("revert:after-commit")
    for host_id in changed:
        control.bell.ring(f"host:{host_id}")


def _begin(
    control: Control, tx: Tx, caller: Caller, row: ServerRow, kind: MoveKind, flavor: Flavor, placement: Placement
) -> HostId:
    now = control.now()
    assert row.host_id is not None
    live = [c for c in claims.list_live_claims(tx, server_id=row.id) if c.state is not ClaimState.RELEASING]
    source = current_side(row, None, live)
    disk = row.last_disk + 1
    if placement.host_id == row.host_id:
        image_id, disks = source.image_id, (*source.disks, disk)
    else:
        image_id, disks = want_disk(control, tx, row, UploadPurpose.MOVE), (disk,)
    claimed = claim_placement(control, tx, row, flavor, placement)
    target = MoveSide(placement.host_id, flavor, image_id, disks, claimed)
    powered = row.status is ServerStatus.ACTIVE
    uuid, who = control.new_id(), (caller.user_id, caller.project_id)
    moves.insert_move(tx, uuid, row.id, kind, MoveState.MIGRATING, source, target, powered, *who, now)
    generation = hosts.bump_generation(tx, row.host_id)
    values = {"powered": False, "last_disk": disk, "generation": generation, "task_state": TaskState.RESIZE_MIGRATING}
    set_status(tx, row, ServerStatus.RESIZE, f"{kind} asked for by {caller.user_name}", now, **values)
    return placement.host_id


def _finished(tx: Tx, caller: Caller, server_id: str, act: str) -> tuple[ServerRow, Move]:
    row = idle_server(tx, caller, server_id, act, {ServerStatus.VERIFY_RESIZE})
    move = moves.find_open_move(tx, row.id)
    if move is None:
        raise Conflict(f"Server {row.id} is in no move", code="server-state")
    return row, move


def _check_flavor(tx: Tx, row: ServerRow, flavor: Flavor) -> None:
    if flavor.id == row.flavor.id and flavor == row.flavor:
        raise BadInput(
            "When resizing, instances must change flavor!",
            detail=f"Server {row.id} has flavor {flavor.name} already.",
            remedy="Choose another one: openstack flavor list",
            code="same-flavor",
        )
    if flavor.disk_gb < row.flavor.disk_gb:
        raise BadInput(
            "A disk can't be made smaller",
            detail=f"It has {row.flavor.disk_gb} GB, flavor {flavor.name} gives {flavor.disk_gb} GB.",
            remedy="Choose a flavor whose disk is at least as large.",
            code="disk-shrinks",
        )
    image = images.find_image(tx, row.image_id)
    if image is not None and image.min_ram > flavor.ram_mb:
        raise BadInput(
            f"Flavor {flavor.name} is too small for image {image.name or image.id}",
            detail=f"The image needs {image.min_ram} MB of RAM.",
            remedy="Choose a larger flavor.",
            code="flavor-too-small",
        )


def _check_host(tx: Tx, row: ServerRow, host: str | None) -> None:
    if host is None:
        return
    known = hosts.find_host(tx, host)
    if known is None:
        raise NotFound(f"Compute host {host} could not be found.", remedy="busway host list", code="host-not-found")
    if known.id == row.host_id:
        raise BadInput(f"Server {row.id} is on host {host} already", remedy="Name another host.", code="same-host")


def _ring(control: Control, row: ServerRow, target: HostId) -> None:
    for host_id in {row.host_id, target}:
        control.bell.ring(f"host:{host_id}")
