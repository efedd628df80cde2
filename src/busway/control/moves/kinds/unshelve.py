"""Unshelve: a server whose disk was uploaded runs again.

Sides: one that still has its host has nothing to move. An offloaded server has no source host: its source side is the
uploaded disk, so no move is stored. The target gets devices of its own and the disk made from that one. It has
arrived when its host reports it running. A failure leaves it shelved: the host that could not bring it up is left
again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from busway.control.context import Control
from busway.control.moves.target import claim_placement, place_now
from busway.control.servers.access import desire, idle_server, note_action
from busway.control.servers.leave import depart
from busway.domain.caller import Caller
from busway.domain.errors import BuswayError, Conflict
from busway.domain.guest_network import OVERLAY
from busway.domain.server import ServerStatus, TaskState
from busway.policy import authorize
from busway.store import servers
from busway.store.database import Tx, take_turn
from busway.store.servers import Intent, ServerRow

SHELVED = frozenset({ServerStatus.SHELVED, ServerStatus.SHELVED_OFFLOADED})


@dataclass(frozen=True, slots=True)
class Where:
    """Where an offloaded server is to be unshelved: on a host, and with `pin` in a zone from now on, None for any."""

    host: str | None = None
    zone: str | None = None
    pin: bool = False


def unshelve_server(control: Control, caller: Caller, server_id: str, request_id: str, to: Where = Where()) -> None:
    """Asks for a shelved server to run again, where it is or, when it was offloaded, wherever it finds a place."""
    if to.host is not None:
        authorize(caller, "os_compute_api:os-shelve:unshelve_to_host")
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = idle_server(tx, caller, server_id, "unshelve", SHELVED)
        if row.status is ServerStatus.SHELVED and to != Where():
            raise Conflict(
                "Only an offloaded server can be unshelved in another zone",
                remedy="Offload it first: openstack server shelve --offload ID",
                code="unshelve-host",
            )
        if row.status is ServerStatus.SHELVED_OFFLOADED:
            row = _place(control, tx, row, to)
        now = control.now()
        desire(tx, row, now, task_state=TaskState.UNSHELVING, powered=True, starts=row.starts + 1)
        note_action(tx, caller, row.id, "unshelve", request_id, now)
    control.bell.ring(f"host:{row.host_id}")
    control.bell.ring(OVERLAY)


def _place(control: Control, tx: Tx, row: ServerRow, to: Where) -> ServerRow:
    now = control.now()
    zone = (to.zone or "") if to.pin else row.availability_zone
    row = replace(row, availability_zone=zone)
    placement = place_now(control, tx, row, row.flavor, host=to.host or row.wanted_host)
    claim_placement(control, tx, row, row.flavor, placement)
    disk = row.last_disk + 1
    values = {"host_id": placement.host_id, "disks": (disk,), "last_disk": disk, "intent": Intent.PRESENT}
    servers.update_server(tx, row.id, now, availability_zone=zone, **values)
    placed = servers.find_server(tx, row.id)
    assert placed is not None
    return placed


def fail_unshelve(tx: Tx, row: ServerRow, error: BuswayError, now: datetime) -> None:
    """It stays shelved; one that had been offloaded leaves the host that could not bring it up."""
    if row.task_state is not TaskState.UNSHELVING:
        return
    servers.update_server(tx, row.id, now, task_state=None, powered=False)
    if row.status is ServerStatus.SHELVED_OFFLOADED and row.host_id is not None:
        depart(tx, row.id, row.host_id, now, f"unshelving failed: {error.brief}")
        servers.update_server(tx, row.id, now, host_id=None)
