"""Use cases: lock a server against what its users would do to it, and unlock it; an admin says that its state is another."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import note_action, server_row
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.server import ServerStatus
from busway.policy import authorize
from busway.store import events, hosts, servers
from busway.store.events import Event

BY_OWNER, BY_ADMIN = "owner", "admin"
_SETTLED = frozenset(
    {
        ServerStatus.ACTIVE,
        ServerStatus.SHUTOFF,
        ServerStatus.PAUSED,
        ServerStatus.SUSPENDED,
        ServerStatus.ERROR,
    }
)


def lock_server(control: Control, caller: Caller, server_id: str, request_id: str, reason: str | None = None) -> None:
    """Locks a server: only admins change it until it is unlocked. One that an admin has locked stays theirs."""
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "lock", lock=True)
        is_owner = caller.project_id == row.project_id
        by = row.locked_by if row.locked_by == BY_ADMIN else BY_OWNER if is_owner else BY_ADMIN
        servers.update_server(tx, row.id, control.now(), locked_by=by, locked_reason=reason)
        note_action(tx, caller, row.id, "lock", request_id, control.now())


def unlock_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Unlocks a server; what an admin has locked, only who may override that unlocks."""
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "unlock", lock=True)
        if row.locked_by == BY_ADMIN:
            target = {"project_id": row.project_id, "user_id": row.user_id}
            authorize(caller, "os_compute_api:os-lock-server:unlock:unlock_override", target)
        servers.update_server(tx, row.id, control.now(), locked_by=None, locked_reason=None)
        note_action(tx, caller, row.id, "unlock", request_id, control.now())


def reset_state(control: Control, caller: Caller, server_id: str, status: ServerStatus, request_id: str) -> None:
    """Says that a server is ACTIVE or in ERROR, with nothing under way; its host's next report tells what it really is.

    Raises `Conflict` where nobody could report that it is active: it is on no host, or in the middle of a move.
    """
    now = control.now()
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "resetState", lock=True)
        may = row.host_id is not None and row.status in _SETTLED
        if status is ServerStatus.ACTIVE and not may:
            raise Conflict(
                f"Cannot reset server {row.id} to active while it is {row.status}",
                detail="It is on no host." if row.host_id is None else "The task in progress must end first.",
                remedy="Rebuild, confirm, revert or delete it.",
                code="server-state",
            )
        generation = hosts.bump_generation(tx, row.host_id) if row.host_id is not None else row.generation
        held = row.hold if status is ServerStatus.ERROR else None
        servers.update_server(tx, row.id, now, status=status, task_state=None, hold=held, generation=generation)
        if status is not row.status:
            why = f"its state was reset by {caller.user_name}"
            events.add_event(tx, Event(now, "server", str(row.status), str(status), why, row.host_id, None, row.id))
        note_action(tx, caller, row.id, "resetState", request_id, now)
    if row.host_id is not None:
        control.bell.ring(f"host:{row.host_id}")
