"""How a server ends in ERROR: with a fault that says why, its last action failed, and an event."""

from __future__ import annotations

from datetime import datetime

from busway.control.context import Control
from busway.domain.errors import BuswayError
from busway.domain.ids import ServerId
from busway.domain.server import HostReason, ServerFault, ServerStatus
from busway.store import actions, events, servers
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow


def refuse(
    tx: Tx,
    row: ServerRow,
    error: BuswayError,
    now: datetime,
    facts: str = "",
    hosts: tuple[HostReason, ...] = (),
) -> None:
    """Ends what was asked of a server in ERROR; `facts` and `hosts` are for admins. A server on no host leaves nothing behind."""
    _end(tx, row, str(error), facts or error.detail, now, hosts)


def fail_unexpectedly(tx: Tx, row: ServerRow, doing: str, error: Exception, now: datetime) -> None:
    """Ends a server in ERROR because of a mistake in Busway; `doing` completes "Busway failed to …".

    The server keeps what it has on its hosts: nothing is taken away because of a mistake. Deleting it frees everything.
    """
    request = actions.last_request(tx, row.id) or "unknown"
    message = f"Busway failed to {doing}: an unexpected error in request {request}. Ask your operator, with this id."
    _end(tx, row, message, f"{type(error).__name__}: {error}"[:2000], now)


def fail_alone(control: Control, server_id: ServerId, doing: str, error: Exception) -> None:
    """`fail_unexpectedly` in a transaction of its own; a server that is deleted, or in ERROR already, stays as it is."""
    with control.db.write() as tx:
        row = servers.find_server(tx, server_id, lock=True)
        if row is not None and row.status not in (ServerStatus.ERROR, ServerStatus.DELETED):
            fail_unexpectedly(tx, row, doing, error, control.now())


def _end(tx: Tx, row: ServerRow, message: str, details: str, now: datetime, hosts: tuple[HostReason, ...] = ()) -> None:
    fault = ServerFault(500, message, details, now, hosts)
    left = {} if row.host_id is not None else {"intent": Intent.GONE}
    servers.update_server(tx, row.id, now, status=ServerStatus.ERROR, task_state=None, fault=fault, **left)
    actions.fail_last_action(tx, row.id, message, now)
    event = Event(now, "server", str(row.status), "ERROR", message, row.host_id, None, row.id)
    events.add_event(tx, event)
