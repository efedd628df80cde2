"""Takes in what a host's agent reports: the only way by which devices become free and servers become active.

One transaction per report. A report is a level: it says everything each time, so that a lost one costs nothing and one
taken twice changes nothing; an older one is refused.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from busway.control.context import Control
from busway.control.observe_inventory import take_inventory
from busway.control.place import refuse
from busway.control.rule_change import tell_departures
from busway.control.servers import finish_delete, leave_host, let_go
from busway.domain.claim import ClaimState
from busway.domain.documents import Fault, Observed, ObservedServer
from busway.domain.errors import BuswayError, Conflict
from busway.domain.ids import DeviceId, HostId
from busway.domain.server import PowerState, ServerStatus, TaskState, check_server_transition
from busway.store import actions, claims, devices, events, hosts, servers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow


def observe(control: Control, host_id: HostId, observed: Observed) -> None:
    """Takes in one report; raises `Conflict` when a newer one was taken already."""
    now = control.now()
    with control.db.write() as tx:
        rows = servers.list_on_host(tx, host_id, lock=True)
        newest = hosts.record_report(
            tx,
            host_id,
            sequence=observed.sequence,
            boot_id=observed.boot_id,
            seen=now,
            resources=observed.resources,
            agent_version=observed.agent_version,
            iommu=observed.iommu,
        )
        if not newest:
            raise Conflict(
                f"A newer report of host {observed.host} was taken already",
                detail=f"This one has sequence {observed.sequence}.",
                remedy="Run one agent per host, with a clock that does not go back.",
                code="report-out-of-order",
            )
        present = take_inventory(control, tx, host_id, observed.inventory, now)
        freed = _take_servers(tx, rows, observed, present, now)
        if freed:
            tell_departures(control, tx, host_id, now)
        control.crashpoint("observe:before-commit")
    control.crashpoint("observe:after-commit")
    if freed:
        control.bell.ring("place")


def _take_servers(
    tx: Tx, rows: list[ServerRow], observed: Observed, present: dict[str, DeviceId], now: datetime
) -> bool:
    seen = {server.id: server for server in observed.servers}
    freed = False
    for row in rows:
        mine = seen.get(row.id)
        if row.intent is Intent.ABSENT:
            freed |= _take_absent(tx, row, mine, observed, present, now)
        elif mine is not None:
            _take_present(tx, row, mine, now)
    return freed


def _take_absent(
    tx: Tx, row: ServerRow, mine: ObservedServer | None, observed: Observed, present: dict[str, DeviceId], now: datetime
) -> bool:
    """Frees what the host was seen to have let go; a device that it can't give back goes into quarantine.

    A quarantined device does not keep its server's user from being rid of the server; its claim stays until it is free.
    """
    if observed.generation < row.absent_generation:
        return False
    held = {present.get(str(h.address)): h for h in observed.held if h.server_id == row.id}
    live = claims.list_live_claims(tx, server_id=row.id)
    for claim in live:
        stuck = held.get(claim.device_id)
        if stuck is not None and stuck.fault is not None:
            _quarantine(tx, claim, stuck.fault, now)
    if mine is not None and mine.power is not None:
        return False  # its domain is still there, whatever it holds
    free = [claim for claim in live if claim.device_id not in held]
    claims.move_claims(tx, free, ClaimState.FREED, now)
    for claim in free:
        devices.set_quarantine(tx, claim.device_id, None)
        why = "its host reports that nobody holds it"
        _device_event(tx, claim, "releasing", "available", why, now)
    if mine is None and len(free) == len(live):
        let_go(tx, row, now)
    stuck_only = all(claim in free or held[claim.device_id].fault is not None for claim in live)
    if stuck_only and row.task_state is TaskState.DELETING:
        finish_delete(tx, row, now)
    return bool(free)


def _quarantine(tx: Tx, claim: Claim, fault: Fault, now: datetime) -> None:
    reason = f"{fault.brief} {fault.detail}".strip()
    if devices.get_quarantine(tx, claim.device_id) != reason:
        devices.set_quarantine(tx, claim.device_id, reason)
        _device_event(tx, claim, "releasing", "quarantined", reason, now)


def _take_present(tx: Tx, row: ServerRow, mine: ObservedServer, now: datetime) -> None:
    done = mine.starts >= row.starts and mine.reboots >= row.reboots
    # A failure matters to whoever waits for something; where nobody does, what the guest is now is all there is to tell.
    awaited = row.status is ServerStatus.BUILD or row.task_state is not None
    if mine.fault is not None and awaited:
        _take_fault(tx, row, mine.fault, mine.power, now)
    elif row.powered and mine.power is PowerState.RUNNING and done:
        _become(tx, row, ServerStatus.ACTIVE, PowerState.RUNNING, "its host reports that it runs", now)
    elif not row.powered and mine.power is not PowerState.RUNNING:
        _become(tx, row, ServerStatus.SHUTOFF, PowerState.SHUTOFF, "its host reports that it is shut off", now)
    elif done and (row.status is ServerStatus.ACTIVE or mine.power in (PowerState.SHUTOFF, PowerState.CRASHED)):
        _take_off(tx, row, now)


def _take_off(tx: Tx, row: ServerRow, now: datetime) -> None:
    """The guest ran and is off: it powered itself off, or its host lost power, perhaps before anyone saw it run."""
    if row.status is ServerStatus.BUILD:
        _become(tx, row, ServerStatus.ACTIVE, PowerState.RUNNING, "its host reports that it has run", now)
        row = replace(row, status=ServerStatus.ACTIVE, launched=now)
    servers.update_server(tx, row.id, now, powered=False)
    _become(tx, row, ServerStatus.SHUTOFF, PowerState.SHUTOFF, "the guest powered itself off", now)


def _become(tx: Tx, row: ServerRow, status: ServerStatus, power: PowerState, reason: str, now: datetime) -> None:
    """Takes a server to a status that its host has reached; allocates its devices when it runs."""
    if status is ServerStatus.ACTIVE:
        claimed = [c for c in claims.list_live_claims(tx, server_id=row.id) if c.state is ClaimState.CLAIMED]
        claims.move_claims(tx, claimed, ClaimState.ALLOCATED, now)
        for claim in claimed:
            _device_event(tx, claim, "claimed", "allocated", "its server runs with it", now)
    if (row.status, row.task_state, row.power) == (status, None, power) or row.status is ServerStatus.ERROR:
        return
    check_server_transition(row.status, status)
    launched = row.launched or (now if status is ServerStatus.ACTIVE else None)
    servers.update_server(tx, row.id, now, status=status, task_state=None, power=power, launched=launched)
    if status is not row.status:
        event = Event(now, "server", str(row.status), str(status), reason, row.host_id, None, row.id)
        events.add_event(tx, event)


def _take_fault(tx: Tx, row: ServerRow, fault: Fault, power: PowerState | None, now: datetime) -> None:
    """A build that its host refused ends in ERROR and gives its devices back; a later act that failed is only told."""
    error = BuswayError(fault.brief, detail=fault.detail, remedy=fault.remedy, code=fault.code)
    if row.status is ServerStatus.BUILD:
        refuse(tx, row, error, now, facts=f"step {fault.step}: {fault.detail}")
        leave_host(tx, row, now, reason=f"build failed: {fault.brief}")
        actions.fail_last_action(tx, row.id, str(error), now)
    else:
        running = power is PowerState.RUNNING
        status = ServerStatus.ACTIVE if running else ServerStatus.SHUTOFF
        servers.update_server(tx, row.id, now, status=status, task_state=None, power=power, powered=running)
        actions.fail_last_action(tx, row.id, str(error), now)
        event = Event(now, "server", str(row.status), str(status), str(error), row.host_id, None, row.id)
        events.add_event(tx, event)


def _device_event(tx: Tx, claim: Claim, old: str, new: str, reason: str, now: datetime) -> None:
    event = Event(now, "device", old, new, reason, claim.host_id, claim.device_id, claim.server_id)
    events.add_event(tx, event)
