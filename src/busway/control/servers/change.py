"""Renames or describes a server."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from busway.control.context import Control
from busway.control.servers.access import server_row
from busway.control.servers.read import read_server
from busway.domain.caller import Caller
from busway.domain.server import Server
from busway.store import servers


@dataclass(frozen=True, slots=True)
class ServerChange:
    """What is changed of a server; None leaves a field as it is, and an empty access address takes it away."""

    name: str | None = None
    description: str | None = None
    hostname: str | None = None
    access_ipv4: str | None = None
    access_ipv6: str | None = None
    disk_config: str | None = None


def update_server(control: Control, caller: Caller, server_id: str, wanted: ServerChange) -> Server:
    """Changes what a server is called and what its user keeps with it; its guest has a new host name from its next start on."""
    changes = {key: value for key, value in asdict(wanted).items() if value is not None}
    with control.db.write() as tx:
        row = server_row(tx, caller, server_id, "update")
        servers.update_server(tx, row.id, control.now(), **changes)
        return read_server(tx, caller, row.id)
