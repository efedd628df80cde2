"""The history: what happened to which device, server and host, and why."""

from __future__ import annotations

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.policy import authorize
from busway.store import events
from busway.store.events import Event


def list_events(
    control: Control,
    caller: Caller,
    *,
    server: str | None = None,
    device: str | None = None,
    host: str | None = None,
    limit: int = 200,
    before: int | None = None,
) -> list[Event]:
    """The last events, or the last before the event of an id, oldest first; for admins."""
    authorize(caller, "busway:events:list")
    with control.db.read() as tx:
        return events.list_events(
            tx,
            host_id=HostId(host) if host else None,
            device_id=DeviceId(device) if device else None,
            server_id=ServerId(server) if server else None,
            limit=limit,
            before=before,
        )
