"""The beginning that a resize and a migration share: claims on the target, the disk asked for, the guest to be shut down."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.images.internal import want_disk
from busway.control.moves.sides import current_side
from busway.control.moves.target import claim_placement
from busway.control.servers.access import set_status
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.flavor import Flavor
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import HostId
from busway.domain.move import MoveKind, MoveSide, MoveState
from busway.domain.placement import Placement
from busway.domain.server import ServerStatus, TaskState
from busway.store import claims, hosts, moves
from busway.store.database import Tx
from busway.store.disk_uploads import UploadPurpose
from busway.store.servers import ServerRow

FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.SHUTOFF})


def begin(
    control: Control, tx: Tx, caller: Caller, row: ServerRow, kind: MoveKind, flavor: Flavor, placement: Placement
) -> HostId:
    """Begins a move to a placement; returns the target's host."""
    now = control.now()
    assert row.host_id is not None
    live = [c for c in claims.list_live_claims(tx, server_id=row.id) if c.state is not ClaimState.RELEASING]
    source = current_side(row, None, live)
    disk = row.last_disk + 1
    if placement.host_id == row.host_id:
        image_id, disks, extra = source.image_id, (*source.disks, disk), source.ephemeral_image_id
    else:
        image_id, disks = want_disk(control, tx, row, UploadPurpose.MOVE), (disk,)
        extra = want_disk(control, tx, row, UploadPurpose.EPHEMERAL) if row.has_ephemeral else None
    hosts.lock_hosts(tx, (row.host_id, placement.host_id))
    claimed = claim_placement(control, tx, row, flavor, placement)
    target = MoveSide(placement.host_id, flavor, image_id, disks, claimed, extra)
    powered = row.status is ServerStatus.ACTIVE
    uuid, who = control.new_id(), (caller.user_id, caller.project_id)
    moves.insert_move(tx, uuid, row.id, kind, MoveState.MIGRATING, source, target, powered, *who, now)
    generation = hosts.bump_generation(tx, row.host_id)
    values = {"powered": False, "last_disk": disk, "generation": generation, "task_state": TaskState.RESIZE_MIGRATING}
    set_status(tx, row, ServerStatus.RESIZE, f"{kind} asked for by {caller.user_name}", now, **values)
    return placement.host_id


def ring(control: Control, row: ServerRow, target: HostId) -> None:
    """Wakes the agents of both hosts, and who tells OVN at which hosts the server may be."""
    for host_id in {row.host_id, target}:
        control.bell.ring(f"host:{host_id}")
    control.bell.ring(OVERLAY)
