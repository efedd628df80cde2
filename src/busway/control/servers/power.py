"""Use cases of a server's user: start, stop, reboot.

A hard reboot is also the way out for a guest that is off, paused or suspended and does not come back: it boots again.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import change_on_host, placed_server
from busway.domain.caller import Caller
from busway.domain.server import ServerStatus, TaskState


def start_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a server that is shut off to run."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "start", {ServerStatus.SHUTOFF})
        change_on_host(
            control,
            tx,
            caller,
            row,
            "start",
            request_id,
            task_state=TaskState.POWERING_ON,
            powered=True,
            starts=row.starts + 1,
        )
    control.bell.ring(f"host:{row.host_id}")


def stop_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a server to shut down; its devices stay its own."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "stop", {ServerStatus.ACTIVE})
        change_on_host(control, tx, caller, row, "stop", request_id, task_state=TaskState.POWERING_OFF, powered=False)
    control.bell.ring(f"host:{row.host_id}")


def reboot_server(control: Control, caller: Caller, server_id: str, request_id: str, *, hard: bool) -> None:
    """Asks for a server to restart: by its own system, or hard, which forgets what a held guest has in its memory."""
    task = TaskState.REBOOTING_HARD if hard else TaskState.REBOOTING
    others = {ServerStatus.SHUTOFF, ServerStatus.PAUSED, ServerStatus.SUSPENDED} if hard else set()
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "reboot", {ServerStatus.ACTIVE, *others})
        values = {"task_state": task, "reboots": row.reboots + 1, "hard_reboot": hard, "hold": None, "powered": True}
        change_on_host(control, tx, caller, row, "reboot", request_id, **values)
    control.bell.ring(f"host:{row.host_id}")
