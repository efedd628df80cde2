"""Deleted servers that can be restored, for as long as the operator says (`[DEFAULT] reclaim_instance_interval`).

A server that is SOFT_DELETED is off and has no task. It keeps its host, disk, ports and devices: they are its own until it is
reclaimed, as in Nova, so that it can always be restored. It counts as no instance of its project's quota any more; what it
keeps does count. Its time begins when it becomes SOFT_DELETED, and nothing that its user does to it prolongs it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from busway.control import quotas
from busway.control.context import Control
from busway.control.loops.items import each
from busway.control.servers.access import change_on_host, placed_server, set_status
from busway.control.servers.fail import fail_alone
from busway.control.servers.leave import begin_delete, drop_uploads
from busway.domain.caller import Caller
from busway.domain.ids import HostId
from busway.domain.quota import Usage
from busway.domain.server import ServerStatus, TaskState
from busway.store import consoles, hosts, moves, servers
from busway.store.database import Tx
from busway.store.servers import Intent, ServerRow

_FROM = frozenset(
    {
        ServerStatus.ACTIVE,
        ServerStatus.SHUTOFF,
        ServerStatus.PAUSED,
        ServerStatus.SUSPENDED,
        ServerStatus.RESCUE,
        ServerStatus.SHELVED,
        ServerStatus.ERROR,
        ServerStatus.SOFT_DELETED,
    }
)


def can_be_kept(control: Control, tx: Tx, row: ServerRow) -> bool:
    """True if the operator lets deleted servers be restored, and this one has run, is on a host and in no move."""
    if control.settings.reclaim_instance_interval <= 0 or row.status not in _FROM:
        return False
    is_there = row.launched is not None and row.host_id is not None and row.intent is Intent.PRESENT
    return is_there and moves.find_open_move(tx, row.id) is None


def keep_deleted(tx: Tx, row: ServerRow, now: datetime, reason: str) -> set[HostId]:
    """Turns a server off and keeps it; what was being done to it ends, and its guest's memory is lost. Returns its host."""
    assert row.host_id is not None
    drop_uploads(tx, row, now)
    consoles.drop_consoles(tx, [row.id])
    values = {"powered": False, "hold": None, "rescue": None, "rescue_image_id": None}
    generation = hosts.bump_generation(tx, row.host_id)
    set_status(tx, row, ServerStatus.SOFT_DELETED, reason, now, task_state=None, generation=generation, **values)
    return {row.host_id}


def restore_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a soft-deleted server to run again, as Nova does whether it ran before or not; raises `OverQuota`."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "restore", {ServerStatus.SOFT_DELETED})
        quotas.check(control, tx, row.project_id, Usage({"instances": 1}), user_id=row.user_id)
        values = {"task_state": TaskState.RESTORING, "powered": True, "starts": row.starts + 1}
        change_on_host(control, tx, caller, row, "restore", request_id, **values)
    control.bell.ring(f"host:{row.host_id}")


def reclaim_overdue(control: Control) -> None:
    """Deletes servers for good that have been soft-deleted for longer than the operator keeps them; none if that is 0."""
    seconds = control.settings.reclaim_instance_interval
    if seconds <= 0:
        return
    before = control.now() - timedelta(seconds=seconds)
    with control.db.read() as tx:
        overdue = servers.list_overdue(tx, ServerStatus.SOFT_DELETED, before)

    def reclaim(row: ServerRow) -> None:
        with control.db.write() as tx:
            found = servers.find_server(tx, row.id, lock=True)
            if found is None or not found.is_overdue(ServerStatus.SOFT_DELETED, before):
                return
            left = begin_delete(tx, found, control.now(), f"it was soft-deleted for {seconds} s")
        for host_id in left:
            control.bell.ring(f"host:{host_id}")

    def failed(row: ServerRow, error: Exception) -> None:
        fail_alone(control, row.id, "reclaim this server", error)

    each(control, "reclaim", overdue, reclaim, failed)
