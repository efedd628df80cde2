"""Why a server is as it is: its state, its fault, its devices and its history in one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.placement.discretion import Discretion
from busway.control.servers.lifecycle import get_server
from busway.domain.caller import Caller
from busway.domain.ids import HostId
from busway.domain.server import Server
from busway.policy import allows
from busway.store import claims, devices, events, hosts
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.events import Event


@dataclass(frozen=True, slots=True)
class Why:
    """A server's story; `devices` are lines such as "0000:81:00.0 Display controller: … (allocated)"."""

    server: Server
    devices: tuple[str, ...]
    events: tuple[Event, ...]


def why(control: Control, caller: Caller, server_id: str) -> Why:
    """Tells a server's story; a tenant hears no host's name, and no address of a device that is not theirs."""
    server = get_server(control, caller, server_id)
    with control.db.read() as tx:
        live = claims.list_live_claims(tx, server_id=server.id)
        names = {host.id: host.name for host in hosts.list_hosts(tx)} if live else {}
        lines = tuple(_line(tx, claim, None if claim.host_id == server.host_id else names) for claim in live)
        story = Why(server, lines, tuple(events.list_events(tx, server_id=server.id)))
        if allows(caller, "busway:placement:hosts"):
            return story
        own = {str(devices.get_device(tx, claim.device_id).device.address) for claim in live}
        return _for_tenant(story, Discretion((host.name for host in hosts.list_hosts(tx)), own))


def _for_tenant(story: Why, told: Discretion) -> Why:
    fault = story.server.fault
    hushed = None if fault is None else replace(fault, message=told(fault.message), details=told(fault.details))
    return Why(
        replace(story.server, host_id=None, host_name=None, fault=hushed),
        tuple(map(told, story.devices)),
        tuple(replace(event, host_id=None, reason=told(event.reason)) for event in story.events),
    )


def _line(tx: Tx, claim: Claim, elsewhere: Mapping[HostId, str] | None) -> str:
    """One device in words; of one that is not where the guest is, as in a move, the host too."""
    device = devices.get_device(tx, claim.device_id).device
    place = f" on {elsewhere[claim.host_id]}" if elsewhere else ""
    return f"{device.address} {device.description} ({claim.state}{place})"
