"""Use cases of a server's user: pause and unpause, suspend and resume. A guest that is held keeps its memory.

A paused guest keeps its devices, which its vCPUs do not touch meanwhile. Suspended are guests without devices only: what a
device of a host holds can't be saved by QEMU, and nothing is taken from a guest behind its back.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import change_on_host, placed_server, require_guest_act
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.host_facts import GuestAct
from busway.domain.server import Hold, ServerStatus, TaskState
from busway.store import claims
from busway.store.database import Tx
from busway.store.servers import ServerRow


def pause_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a guest's vCPUs to stand still."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "pause", {ServerStatus.ACTIVE})
        require_guest_act(tx, row, "pause", GuestAct.PAUSE)
        values = {"task_state": TaskState.PAUSING, "hold": Hold.PAUSED}
        change_on_host(control, tx, caller, row, "pause", request_id, **values)
    control.bell.ring(f"host:{row.host_id}")


def unpause_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a paused guest to continue."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "unpause", {ServerStatus.PAUSED})
        change_on_host(control, tx, caller, row, "unpause", request_id, task_state=TaskState.UNPAUSING, hold=None)
    control.bell.ring(f"host:{row.host_id}")


def suspend_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a guest's memory to be kept in a file and for its QEMU to end; raises `Conflict` for one with devices."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "suspend", {ServerStatus.ACTIVE})
        require_guest_act(tx, row, "suspend", GuestAct.SUSPEND)
        _refuse_devices(tx, row)
        values = {"task_state": TaskState.SUSPENDING, "hold": Hold.SUSPENDED}
        change_on_host(control, tx, caller, row, "suspend", request_id, **values)
    control.bell.ring(f"host:{row.host_id}")


def resume_server(control: Control, caller: Caller, server_id: str, request_id: str) -> None:
    """Asks for a suspended guest to continue from its memory."""
    with control.db.write() as tx:
        row = placed_server(tx, caller, server_id, "resume", {ServerStatus.SUSPENDED})
        change_on_host(control, tx, caller, row, "resume", request_id, task_state=TaskState.RESUMING, hold=None)
    control.bell.ring(f"host:{row.host_id}")


def _refuse_devices(tx: Tx, row: ServerRow) -> None:
    held = claims.list_live_claims(tx, server_id=row.id)
    if not held:
        return
    names = sorted({claim.alias or claim.kind for claim in held})
    raise Conflict(
        f"Cannot 'suspend' server {row.id}: it has devices of its host",
        detail=f"What is in a device ({', '.join(names)}) can't be saved with the guest's memory: QEMU refuses to.",
        remedy="Pause it: openstack server pause; or stop it: openstack server stop. Its devices stay its own.",
        code="suspend-devices",
    )
