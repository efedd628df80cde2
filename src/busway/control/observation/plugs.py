"""Handles network cards and devices that are plugged in or out: they are there, they are gone, or something prevents it."""

from __future__ import annotations

from datetime import datetime

from busway.control.observation.present import ServerReport, is_attached, name_of
from busway.control.servers.access import desire
from busway.control.servers.devices import ATTACH as ATTACH_DEVICE
from busway.control.servers.devices import DETACH as DETACH_DEVICE
from busway.control.servers.devices import with_alias
from busway.control.servers.interfaces import ATTACH, DETACH
from busway.control.servers.leave import release
from busway.domain.claim import ClaimState
from busway.domain.documents import ObservedServer
from busway.domain.grant import Fault
from busway.domain.network import Plug, Port
from busway.domain.server import PowerState, ServerStatus
from busway.domain.units import WholeFunction
from busway.store import actions, events, hosts, ports, security_groups
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import ServerRow


def take_plugs(
    tx: Tx, row: ServerRow, seen: ObservedServer, generation: int, moving: list[Port], now: datetime
) -> None:
    """Takes in the report about a server's cards; only a report of the current generation shows that a card is gone."""
    if seen.cards is None:
        return
    is_new = generation >= row.generation
    for port in moving:
        there = port.mac in seen.cards
        if port.plug is Plug.COMING and there:
            ports.set_plug(tx, port.id, Plug.IN)
        elif port.plug is Plug.COMING and is_new and seen.fault is not None:
            _give_up(tx, row, port, f"{seen.fault.brief} {seen.fault.detail}".strip(), now)
        elif port.plug is Plug.GOING and not there and is_new:
            ports.release_port(tx, port)
            security_groups.note_change(tx, port.project_id, now)
        elif port.plug is Plug.GOING and port.mac in seen.ignored:
            tell_ignored(tx, row, DETACH, f"network card {port.mac}", seen, now)


def _give_up(tx: Tx, row: ServerRow, port: Port, why: str, now: datetime) -> None:
    """A card that its host could not plug in is the server's no longer."""
    ports.release_port(tx, port)
    security_groups.note_change(tx, port.project_id, now)
    desire(tx, row, now)
    actions.fail_action(tx, row.id, ATTACH, why, now)
    reason = f"network card {port.mac} could not be attached: {why}"
    events.add_event(tx, Event(now, "server", str(row.status), str(row.status), reason, row.host_id, None, row.id))


def take_device_plugs(tx: Tx, row: ServerRow, report: ServerReport, now: datetime) -> None:
    """Takes in what a host says of the devices that come to a settled server, and of those that its guest keeps."""
    seen, settled = report.seen, row.task_state is None and row.status in (ServerStatus.ACTIVE, ServerStatus.SHUTOFF)
    if seen.attached is None or not settled:
        return
    for claim in report.claims:
        if claim.kind != WholeFunction.kind or claim.state is ClaimState.ALLOCATED:
            continue
        there = is_attached(tx, claim, seen)
        if claim.state is ClaimState.CLAIMED and not there and seen.fault is not None:
            if report.generation >= row.generation:
                _take_back(tx, row, claim, seen.fault, now)
        elif claim.state is ClaimState.RELEASING and there and seen.ignored:
            name = name_of(tx, claim)
            if name in seen.ignored:
                tell_ignored(tx, row, DETACH_DEVICE, f"device {claim.alias}", seen, now)


def _take_back(tx: Tx, row: ServerRow, claim: Claim, fault: Fault, now: datetime) -> None:
    """A device that its host could not plug in is the server's no longer."""
    why = f"{fault.brief} {fault.detail}".strip()
    flavor = with_alias(row.flavor, claim.alias, -1) if claim.alias is not None else row.flavor
    assert row.host_id is not None
    desire(tx, row, now, flavor=flavor)
    generation = hosts.marks_of(tx, [row.host_id])[row.host_id].generation
    release(tx, [claim], generation, now, f"it could not be attached: {fault.brief}")
    actions.fail_action(tx, row.id, ATTACH_DEVICE, why, now)
    reason = f"a device of alias {claim.alias} could not be attached: {why}"
    events.add_event(tx, Event(now, "server", str(row.status), str(row.status), reason, row.host_id, None, row.id))


def tell_ignored(tx: Tx, row: ServerRow, act: str, thing: str, seen: ObservedServer, now: datetime) -> None:
    """Records once that the guest has not followed a request to release something; it may still do so later."""
    paused = " It is paused." if seen.power is PowerState.PAUSED else ""
    why = f"The guest was asked to let go of {thing} and has not done so.{paused} It keeps it, and is asked again."
    if actions.fail_action(tx, row.id, act, why, now):
        events.add_event(tx, Event(now, "server", str(row.status), str(row.status), why, row.host_id, None, row.id))
