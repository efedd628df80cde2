"""Renames or describes a server."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.control.servers.read import read_server
from busway.domain.caller import Caller
from busway.domain.server import Server
from busway.store import servers


def update_server(
    control: Control, caller: Caller, server_id: str, name: str | None = None, description: str | None = None
) -> Server:
    """Renames or describes a server; None leaves a field as it is."""
    changes = {key: value for key, value in (("name", name), ("description", description)) if value is not None}
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "update")
        servers.update_server(tx, row.id, control.now(), **changes)
        return read_server(tx, caller, row.id)
