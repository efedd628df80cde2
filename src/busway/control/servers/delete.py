"""Deletes a server."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import note_action, server_row
from busway.control.servers.leave import finish_delete, leave
from busway.domain.caller import Caller
from busway.domain.server import TaskState
from busway.store import servers
from busway.store.servers import Intent


def delete_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a server to go; its devices become free when their hosts report that nobody holds them."""
    now = control.now()
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "delete", lock=True)
        if row.task_state is TaskState.DELETING:
            return
        note_action(tx, caller, row.id, "delete", request_id, now)
        left = leave(tx, row, now, reason=f"server deleted by {caller.user_name}")
        if row.host_id is None or row.intent is Intent.GONE:
            finish_delete(tx, row, now)
        else:
            servers.update_server(tx, row.id, now, task_state=TaskState.DELETING, powered=False, hold=None)
    control.crashpoint("delete:after-commit")
    for host_id in left:
        control.bell.ring(f"host:{host_id}")
