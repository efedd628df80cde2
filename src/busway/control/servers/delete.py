"""Deletes a server."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import note_action, server_row
from busway.control.servers.leave import begin_delete
from busway.control.servers.soft_delete import can_be_kept, keep_deleted
from busway.domain.caller import Caller
from busway.domain.server import TaskState


def delete_server(control: Control, caller: Caller, server_id: str, request_id: str, *, for_good: bool = False) -> None:
    """Asks for a server to go; its devices become free when their hosts report that nobody holds them.

    If the operator lets deleted servers be restored, it is kept (SOFT_DELETED), unless it must go `for_good`.
    """
    now = control.now()
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "forceDelete" if for_good else "delete", lock=True)
        if row.task_state is TaskState.DELETING:
            return
        note_action(tx, caller, row.id, "delete", request_id, now)
        reason = f"server deleted by {caller.user_name}"
        if not for_good and can_be_kept(control, tx, row):
            left = keep_deleted(tx, row, now, reason)
        else:
            left = begin_delete(tx, row, now, reason)
    control.crashpoint("delete:after-commit")
    for host_id in left:
        control.bell.ring(f"host:{host_id}")
