"""Why a server is as it is: its state, its fault, its devices and its history in one answer."""

from __future__ import annotations

from dataclasses import dataclass

from busway.control.context import Control
from busway.control.servers.lifecycle import get_server
from busway.domain.caller import Caller
from busway.domain.device import PciDevice
from busway.domain.server import Server
from busway.store import claims, devices, events, hosts
from busway.store.claims import Claim
from busway.store.events import Event


@dataclass(frozen=True, slots=True)
class Why:
    """A server's story; `devices` are lines such as "0000:81:00.0 Display controller: … (allocated)"."""

    server: Server
    devices: tuple[str, ...]
    events: tuple[Event, ...]


def why(control: Control, caller: Caller, server_id: str) -> Why:
    """Tells a server's story to whoever may see the server; hosts that it is leaving are named to admins only."""
    server = get_server(control, caller, server_id)
    with control.db.read() as tx:
        live = claims.list_live_claims(tx, server_id=server.id)
        known = {row.id: row.device for row in devices.list_by_id(tx, [claim.device_id for claim in live])}
        elsewhere = {claim.host_id for claim in live if claim.host_id != server.host_id and caller.is_admin}
        found = {host_id: hosts.find_host_by_id(tx, host_id) for host_id in elsewhere}
        names = {host_id: host.name for host_id, host in found.items() if host is not None}
        lines = tuple(_line(claim, known[claim.device_id], names.get(claim.host_id)) for claim in live)
        return Why(server, lines, tuple(events.list_events(tx, server_id=server.id)))


def _line(claim: Claim, device: PciDevice, elsewhere: str | None) -> str:
    """One device in words; of one that is not where the guest is, as in a move, the host too."""
    place = f" on {elsewhere}" if elsewhere else ""
    return f"{device.address} {device.description} ({claim.state}{place})"
