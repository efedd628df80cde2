"""Why a server is as it is: its state, its fault, its devices and its history in one answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.placement.discretion import Discretion
from busway.control.servers.read import get_server
from busway.domain.caller import Caller
from busway.domain.server import Server
from busway.domain.units import WHOLE_KINDS, FabricPartition
from busway.domain.units.mdev import read_unit
from busway.policy import allows
from busway.store import claims, events, hosts, providers
from busway.store.claims import Claim
from busway.store.events import Event
from busway.store.providers import Provider


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
        known = providers.list_providers_by_id(tx, [claim.device_id for claim in live])
        elsewhere = {claim.host_id for claim in live if claim.host_id != server.host_id and caller.is_admin}
        found = {host_id: hosts.find_host_by_id(tx, host_id) for host_id in elsewhere}
        names = {host_id: host.name for host_id, host in found.items() if host is not None}
        lines = tuple(_line(claim, known[claim.device_id], names.get(claim.host_id)) for claim in live)
        story = Why(server, lines, tuple(events.list_events(tx, server_id=server.id)))
        if allows(caller, "busway:placement:hosts"):
            return story
        own = {provider.name for provider in known.values()}
        return _for_tenant(story, Discretion((host.name for host in hosts.list_hosts(tx)), own))


def _for_tenant(story: Why, hide: Discretion) -> Why:
    fault = story.server.fault
    hidden = (
        None if fault is None else replace(fault, message=hide(fault.message), details=hide(fault.details), hosts=())
    )
    return Why(
        replace(story.server, host_id=None, host_name=None, fault=hidden),
        tuple(map(hide, story.devices)),
        tuple(replace(event, host_id=None, reason=hide(event.reason)) for event in story.events),
    )


def _line(claim: Claim, provider: Provider, elsewhere: str | None) -> str:
    """One device in words; of one that is not where the guest is, as in a move, the host too."""
    place = f" on {elsewhere}" if elsewhere else ""
    device = provider.device
    if claim.kind == FabricPartition.kind:
        return f"NVLink fabric: {claim.unit} joins them ({claim.state}{place})"
    if device is None or claim.kind not in WHOLE_KINDS:
        return f"{provider.name} an instance of {read_unit(claim.unit).type_id} ({claim.state}{place})"
    return f"{device.address} {device.description} ({claim.state}{place})"
