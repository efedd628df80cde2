"""Takes in what a host's agent reports: the only way by which devices become free and servers become active.

One transaction per report. A report is a level: it says everything each time, so that a lost one costs nothing and
one taken twice changes nothing; an older one is refused. If one server of the report can't be processed, it ends in
ERROR, and the others are processed anyway. What two hosts have to do with is done afterwards, by a loop (`advance`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from busway.control.context import Control
from busway.control.loops.items import Batch, apart
from busway.control.observation.fault import take_fault
from busway.control.observation.handovers import take_handovers
from busway.control.observation.inventory import take_inventory
from busway.control.observation.leaving import Leaving
from busway.control.observation.live import note_downtime, take_target
from busway.control.observation.mdev_parents import take_mdev_parents
from busway.control.observation.memory import ReportDigest
from busway.control.observation.plugs import take_device_plugs, take_plugs
from busway.control.observation.present import ServerReport, is_awaited, take_present
from busway.control.rules.change import add_unoffered_events
from busway.control.servers.fail import fail_unexpectedly
from busway.control.traces import asked_of, record_all
from busway.domain.documents import Asked, Observed, ObservedServer
from busway.domain.errors import Conflict
from busway.domain.ids import HostId, ServerId
from busway.domain.server import ServerStatus
from busway.store import claims, departures, hosts, ports, server_places, servers
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.servers import Intent, ServerRow


@dataclass(frozen=True, slots=True)
class _Taken:
    freed: bool  # a device became free
    busy: bool  # something is under way with a server of the host
    generation: int  # of the host


def observe(
    control: Control, host_id: HostId, observed: Observed, token_hash: str = "", report: ReportDigest | None = None
) -> None:
    """Takes in one report; raises `Conflict` when a newer one was taken already.

    With the hash of the agent's token and the report as `ReportDigest`, a later report that says the same again needs no transaction of its own.
    """
    control.reports.forget(host_id)
    taken = apart(control, "reports", lambda batch: _take(control, host_id, observed, batch))
    is_calm = not (taken.busy or taken.freed or observed.handovers or observed.unreadable)
    if report is not None and token_hash and is_calm and observed.generation == taken.generation:
        control.reports.remember(host_id, observed.host, token_hash, report, taken.generation)
    control.crashpoint("observe:after-commit")
    if taken.freed:
        control.bell.ring("place")
    if taken.busy:
        control.bell.ring("advance")


def _take(control: Control, host_id: HostId, observed: Observed, batch: Batch) -> _Taken:
    now, began = control.now(), time.time_ns()
    with control.db.write() as tx:
        rows = server_places.list_on_host(tx, host_id, lock=True)
        rebooted = _record(control, tx, host_id, observed)
        present = take_inventory(control, tx, host_id, observed.inventory, now)
        take_mdev_parents(
            control,
            tx,
            host_id,
            (*observed.mdev_parents, *observed.vgpu_functions, *observed.fabrics, *observed.render_nodes),
            present,
            now,
        )
        take_handovers(tx, host_id, observed, present, now)
        leaving = Leaving.of(observed, present, control.pci_rules(tx).device_specs, now)
        live = _by_server(claims.list_live_claims(tx, host_id=host_id))
        going = {departure.server_id: departure for departure in departures.list_departures(tx, host_ids=[host_id])}
        known = {row.id: row for row in rows}
        moving = ports.unsettled_ports(tx, list(known))
        freed = False
        for server_id in sorted(live.keys() | going.keys()):
            row = known.get(server_id)
            with batch.item(tx, f"server {server_id}", partial(_failed, tx, row, now)):
                freed |= leaving.take(tx, server_id, row, live.get(server_id, []), going.get(server_id))
        if freed:
            add_unoffered_events(control, tx, host_id, now)
        for row in rows:
            seen = leaving.seen.get(row.id)
            if seen is not None and seen.live is not None and row.intent is Intent.PRESENT:
                with batch.item(tx, f"server {row.id}", partial(_failed, tx, row, now)):
                    note_downtime(tx, row, seen.live, now)
            if row.host_id != host_id and row.status is ServerStatus.MIGRATING and seen is not None:
                if row.id not in going and row.intent is Intent.PRESENT:
                    with batch.item(tx, f"server {row.id}", partial(_failed, tx, row, now)):
                        take_target(tx, row, host_id, seen, now)
                continue
            if row.host_id != host_id or row.intent is not Intent.PRESENT or row.id in going:
                continue
            if seen is None:
                _take_unclear(tx, row, observed, now)
                continue
            report = ServerReport(seen, observed.generation, rebooted, tuple(live.get(row.id, ())))
            with batch.item(tx, f"server {row.id}", partial(_failed, tx, row, now)):
                take_plugs(tx, row, seen, observed.generation, moving.get(row.id, []), now)
                take_device_plugs(tx, row, report, now)
                take_present(control, tx, row, report, now)
        asked, changes = _what_changed(control, tx, rows)
        marks = hosts.marks_of(tx, [host_id])
        control.crashpoint("observe:before-commit")
    record_all(control, "take report", asked, began, changes)
    busy = any(row.task_state is not None for row in rows) or bool(going)
    return _Taken(freed, busy, marks[host_id].generation)


def _what_changed(
    control: Control, tx: Tx, rows: list[ServerRow]
) -> tuple[dict[ServerId, Asked], dict[ServerId, dict[str, str]]]:
    """For traces: of which servers the report has changed the state, and how."""
    asked = asked_of(control, tx, [row.id for row in rows])
    before = {row.id: row for row in rows if row.id in asked}
    changes = {}
    for row in servers.list_by_id(tx, before) if before else ():
        old = before[row.id]
        if (row.status, row.task_state) != (old.status, old.task_state):
            states = " -> ".join(f"{one.status} {one.task_state or ''}".strip() for one in (old, row))
            changes[row.id] = {"busway.state": states}
            if row.status is ServerStatus.ERROR:
                changes[row.id]["error"] = "the server failed on its host"
    return asked, changes


def _take_unclear(tx: Tx, row: ServerRow, observed: Observed, now: datetime) -> None:
    """Handles a server whose part of the report can't be read: it fails if something is in progress with it."""
    unclear = next((each for each in observed.unreadable if each.id == row.id), None)
    if unclear is not None and is_awaited(row) and observed.generation >= row.generation:
        take_fault(tx, row, unclear.fault, ObservedServer(row.id, row.power), now)


def _by_server(live: list[Claim]) -> dict[ServerId, list[Claim]]:
    found: dict[ServerId, list[Claim]] = {}
    for claim in live:
        found.setdefault(claim.server_id, []).append(claim)
    return found


def _failed(tx: Tx, row: ServerRow | None, now: datetime, error: Exception) -> None:
    if row is not None and row.status not in (ServerStatus.ERROR, ServerStatus.DELETED):
        fail_unexpectedly(tx, row, "take in what its host reports of this server", error, now)


def _record(control: Control, tx: Tx, host_id: HostId, observed: Observed) -> bool:
    """Records that the host has reported, unless a newer report is known; returns True if the host was restarted meanwhile."""
    before = hosts.find_host_by_id(tx, host_id)
    newest = hosts.record_report(
        tx,
        host_id,
        sequence=observed.sequence,
        boot_id=observed.boot_id,
        seen=control.now(),
        resources=observed.resources,
        agent_version=observed.agent_version,
        iommu=observed.iommu,
    )
    if not newest:
        raise Conflict(
            f"A newer report of host {observed.host} was already accepted",
            detail=f"This one has sequence {observed.sequence}.",
            remedy="Run only one agent per host.",
            code="report-out-of-order",
        )
    return before is not None and before.boot_id not in ("", observed.boot_id)
