"""Continues moves that wait for several conditions: a disk that arrives, a guest that is gone on another host.

All that it decides on is stored, so that it may be called at any time, by any process, twice or late. A loop calls it
when a report or a disk that arrived has rung for it, and every few seconds. What touches two hosts is done by one
process at a time, and locks both first.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from busway.control.context import Control
from busway.control.loops.items import each
from busway.control.moves.kinds import kind_of
from busway.control.moves.turns import begin_revert, restore, switch
from busway.control.servers.fail import fail_alone
from busway.control.servers.image import rotate_backups
from busway.control.servers.shelve import finish_shelving
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import HostId, ServerId
from busway.domain.image import WITH_DATA
from busway.domain.move import Move, MoveState
from busway.domain.server import ServerStatus, TaskState
from busway.store import departures, disk_uploads, hosts, images, moves, servers
from busway.store.database import Tx, take_turn
from busway.store.disk_uploads import DiskUpload, UploadPurpose
from busway.store.servers import ServerRow


def advance(control: Control) -> None:
    """Looks at every server that is in a move or whose disk is asked for."""
    with control.db.read() as tx:
        waiting = {move.server_id for move in moves.list_open_moves(tx)}
        waiting |= {upload.server_id for upload in disk_uploads.list_uploads(tx)}
    each(control, "advance", sorted(waiting), partial(_advance, control), partial(_failed, control))


def _failed(control: Control, server_id: ServerId, error: Exception) -> None:
    fail_alone(control, server_id, "continue the task in progress", error)


def _advance(control: Control, server_id: ServerId) -> None:
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = servers.find_server(tx, server_id, lock=True)
        changed = _server(control, tx, row) if row is not None and row.status is not ServerStatus.ERROR else set()
        control.crashpoint("advance:before-commit")
    control.crashpoint("advance:after-commit")
    for host_id in changed:
        control.bell.ring(f"host:{host_id}")
    if changed:
        control.bell.ring(OVERLAY)


def _server(control: Control, tx: Tx, row: ServerRow) -> set[HostId]:
    """Draws what follows for one server; returns the hosts whose documents have changed."""
    now = control.now()
    asked = disk_uploads.list_uploads(tx, server_id=row.id)
    arrived = [upload for upload in asked if _has_arrived(tx, upload)]
    move = moves.find_open_move(tx, row.id)
    if move is not None:
        hosts.lock_hosts(tx, (move.source.host_id, move.target.host_id))
        return _move(tx, row, move, bool(asked) and arrived == asked, now)
    changed: set[HostId] = set()
    for upload in arrived:
        disk_uploads.end_upload(tx, upload.image_id)
        if upload.purpose is UploadPurpose.SHELVE:
            changed |= finish_shelving(control, tx, row, upload.image_id)
            continue
        if row.task_state is TaskState.IMAGE_UPLOADING:
            servers.update_server(tx, row.id, now, task_state=None)
        if upload.rotation is not None and (image := images.find_image(tx, upload.image_id)) is not None:
            rotate_backups(control, tx, row, image.properties.get("backup_type", ""), upload.rotation)
    return changed


def _has_arrived(tx: Tx, upload: DiskUpload) -> bool:
    image = images.find_image(tx, upload.image_id)
    return image is not None and image.status in WITH_DATA


def _move(tx: Tx, row: ServerRow, move: Move, arrived: bool, now: datetime) -> set[HostId]:
    special = kind_of(move).advance
    if special is not None:
        return special(tx, row, move, now)
    if move.error is not None and move.state is not MoveState.REVERTING:
        return begin_revert(tx, row, move, f"the move failed: {move.error}", now)
    if move.state is MoveState.MIGRATING:
        return switch(tx, row, move, now) if kind_of(move).has_arrived(row, move, arrived) else set()
    if move.state is MoveState.REVERTING and row.disks != move.source.disks:
        leaving = departures.find_departure(tx, row.id, move.target.host_id)
        return restore(tx, row, move, now) if leaving is None or leaving.guest_gone else set()
    return set()
