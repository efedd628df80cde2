"""Why a server is as it is: its state, its fault, its devices and its history in one answer."""

from __future__ import annotations

from dataclasses import dataclass

from busway.control.context import Control
from busway.control.servers import get_server
from busway.domain.caller import Caller
from busway.domain.server import Server
from busway.store import claims, devices, events
from busway.store.events import Event


@dataclass(frozen=True, slots=True)
class Why:
    """A server's story; `devices` are lines such as "0000:81:00.0 Display controller: … (allocated)"."""

    server: Server
    devices: tuple[str, ...]
    events: tuple[Event, ...]


def why(control: Control, caller: Caller, server_id: str) -> Why:
    """Tells a server's story to its user."""
    server = get_server(control, caller, server_id)
    with control.db.read() as tx:
        live = claims.list_live_claims(tx, server_id=server.id)
        known = (
            {row.id: row.device for row in devices.list_devices(tx, server.host_id)} if live and server.host_id else {}
        )
        lines = tuple(f"{known[c.device_id].address} {known[c.device_id].description} ({c.state})" for c in live)
        return Why(server, lines, tuple(events.list_events(tx, server_id=server.id)))
