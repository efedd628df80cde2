"""Takes in what a host's agent reports: the only way by which devices become free and servers become active.

One transaction per report. A report is a level: it says everything each time, so that a lost one costs nothing and one
taken twice changes nothing; an older one is refused. What two hosts have to do with is done afterwards (`advance`).
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.moves.advance import advance
from busway.control.observation.fault import take_fault
from busway.control.observation.inventory import take_inventory
from busway.control.observation.leaving import take_leaving
from busway.control.observation.present import is_awaited, take_present
from busway.control.rules.change import tell_unoffered
from busway.domain.documents import Observed
from busway.domain.errors import Conflict
from busway.domain.ids import HostId
from busway.store import departures, hosts, servers
from busway.store.servers import Intent


def observe(control: Control, host_id: HostId, observed: Observed) -> None:
    """Takes in one report; raises `Conflict` when a newer one was taken already."""
    now = control.now()
    with control.db.write() as tx:
        rows = servers.list_on_host(tx, host_id, lock=True)
        before = hosts.find_host_by_id(tx, host_id)
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
        rebooted = before is not None and before.boot_id not in ("", observed.boot_id)
        present = take_inventory(control, tx, host_id, observed.inventory, now)
        freed = take_leaving(tx, host_id, rows, observed, present, control.pci_rules(tx).device_specs, now)
        if freed:
            tell_unoffered(control, tx, host_id, now)
        going = {departure.server_id for departure in departures.list_departures(tx, host_id=host_id)}
        seen = {server.id: server for server in observed.servers}
        unclear = {each.id: each.fault for each in observed.unreadable}
        for row in rows:
            here = row.host_id == host_id and row.intent is Intent.PRESENT and row.id not in going
            if here and row.id in seen:
                take_present(control, tx, row, seen[row.id], observed.generation, rebooted, now)
            elif here and row.id in unclear and is_awaited(row) and observed.generation >= row.generation:
                take_fault(tx, row, unclear[row.id], row.power, now)
        control.crashpoint("observe:before-commit")
    control.crashpoint("observe:after-commit")
    if freed:
        control.bell.ring("place")
    if any(row.task_state is not None for row in rows):
        advance(control)
