"""What an agent may do: prove who it is, ask for its Desired document, report, and hand in consoles."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.desired_document import authenticate, desired
from busway.control.observe import observe
from busway.domain.errors import Forbidden
from busway.domain.ids import HostId, ServerId
from busway.store import servers

CONSOLE_CHARS = 256 * 1024

__all__ = ["authenticate", "desired", "observe", "put_console"]


def put_console(control: Control, host_id: HostId, server_id: ServerId, text: str) -> None:
    """Keeps the last part of a guest's console; only the host that runs the server may hand it in."""
    with control.db.write() as tx:
        row = servers.find_server(tx, server_id)
        if row is None or row.host_id != host_id:
            raise Forbidden(f"Server {server_id} is not on this host", code="server-not-on-host")
        # PostgreSQL's text holds no NUL; a terminal shows nothing for it either.
        servers.put_console(tx, server_id, text.replace("\x00", "")[-CONSOLE_CHARS:], control.now())
