"""The sweep: what only time can do. A host that is down must not keep its users from deleting their servers.

It also is the floor under `advance`: whatever a lost ring or a killed process left waiting goes on here.
"""

from __future__ import annotations

import threading

import structlog

from busway.control.context import Control
from busway.control.images.catalogue import purge_images
from busway.control.moves.advance import advance
from busway.control.networks.changes import tell_hosts
from busway.control.placement.snapshot import is_up
from busway.control.servers.leave import finish_delete
from busway.control.servers.shelve import offload_overdue
from busway.store import disk_uploads, hosts, images, moves, servers

SECONDS = 5.0

_log = structlog.get_logger("busway.sweep")


def run_sweeper(control: Control, stop: threading.Event) -> None:
    """Sweeps every few seconds until `stop` is set."""
    while not stop.wait(SECONDS):
        try:
            sweep(control)
            advance(control)
            tell_hosts(control)
            offload_overdue(control)
            purge_deleted_images(control)
        except Exception:
            _log.exception("sweeping failed; it is tried again")


def purge_deleted_images(control: Control) -> None:
    """Forgets the data of deleted images once no server needs it any more."""
    with control.db.read() as tx:
        in_use = {each for row in servers.list_placed(tx) + servers.list_servers(tx) for each in row.images}
        in_use |= {side.image_id for move in moves.list_open_moves(tx) for side in (move.source, move.target)}
        in_use |= {upload.image_id for upload in disk_uploads.list_uploads(tx)}
        waiting = any(image.id not in in_use for image in images.list_deleted_images(tx))
    if waiting:
        purge_images(control, in_use)


def sweep(control: Control) -> None:
    """Shows servers as deleted whose host is down; their devices stay claimed until that host reports again."""
    now = control.now()
    with control.db.read() as tx:
        if not servers.list_leaving(tx):
            return
    with control.db.write() as tx:
        down = {host.id for host in hosts.list_hosts(tx) if not is_up(control.settings, host, now)}
        for row in servers.list_leaving(tx, lock=True):
            if row.host_id in down:
                finish_delete(tx, row, now)
