"""Use case: forget a host; one that is gone for good too, once each of its servers is elsewhere or deleted.

Nobody can report for a host that is gone: its operator says that it is, and that its guests have ended with it.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.hosts.down import check_known_down
from busway.control.moves.kinds import kind_of
from busway.control.placement.snapshot import is_up
from busway.control.servers.leave import finish_delete, let_go
from busway.domain.caller import Caller
from busway.domain.errors import Conflict, NotFound
from busway.domain.ids import HostId
from busway.domain.server import ServerStatus, TaskState
from busway.policy import authorize
from busway.store import (
    aggregates,
    cells,
    claims,
    conditions,
    departures,
    devices,
    disk_uploads,
    events,
    handovers,
    hosts,
    images,
    join_tokens,
    ledger,
    moves,
    provider_traits,
    server_places,
)
from busway.store.database import Tx, take_turn
from busway.store.disk_uploads import SEEN
from busway.store.events import Event
from busway.store.hosts import HostRow
from busway.store.servers import Intent, ServerRow


def delete_host(control: Control, caller: Caller, name: str, *, lost: bool = False) -> None:
    """Forgets a host that has no servers and no claimed devices.

    With `lost` also one that is down for good and has not let go of servers that were evacuated or deleted.
    """
    authorize(caller, "busway:hosts:delete")
    with control.db.write() as tx:
        take_turn(tx, "place")
        left = _locked_servers(tx, name)
        host = hosts.find_host(tx, name)
        if host is None:
            raise NotFound(f"No host {name}", remedy="See `busway host list`.", code="host-not-found")
        hosts.lock_hosts(tx, [host.id])  # after the servers, and before anything is looked at: a placement may commit
        if lost:
            _give_up(control, tx, caller, host, left)
        _check_empty(tx, host)
        for part in (claims, devices, aggregates, join_tokens, handovers, conditions, provider_traits):
            part.forget_host(tx, host.id)
        hosts.delete_host(tx, host.id)
    control.bell.ring("place")


def _locked_servers(tx: Tx, name: str) -> list[ServerRow]:
    host = hosts.find_host(tx, name)
    return server_places.list_on_host(tx, host.id, lock=True) if host is not None else []


def _check_empty(tx: Tx, host: HostRow) -> None:
    left, live = server_places.list_on_host(tx, host.id), claims.list_live_claims(tx, host_id=host.id)
    if left or live:
        raise Conflict(
            f"Host {host.name} still has {len(left)} servers and {len(live)} claimed devices",
            remedy=f"Delete its servers first and let its agent report. If the host will never return, evacuate its "
            f"servers, then run: busway host delete {host.name} --lost",
            code="host-in-use",
        )


def _give_up(control: Control, tx: Tx, caller: Caller, host: HostRow, left: list[ServerRow]) -> None:
    """Releases everything that a lost host still holds; raises `Conflict` while a server is still there."""
    if is_up(control.settings, host, control.now()):
        raise Conflict(
            f"Host {host.name} is up",
            detail="Its agent reports; its devices are freed when it reports them free.",
            remedy=f"Delete or migrate its servers, then run: busway host delete {host.name}",
            code="host-is-up",
        )
    check_known_down(control, host.name)
    remaining = [row for row in left if _lives_there(tx, row, host.id)]
    if remaining:
        names = ", ".join(row.name for row in remaining[:5])
        raise Conflict(
            f"Host {host.name} is lost, and {len(remaining)} servers are still on it: {names}",
            remedy="Evacuate each to another host (openstack server evacuate), or delete it.",
            code="host-in-use",
        )
    now, why = control.now(), f"host {host.name} is lost, said {caller.user_name}"
    for claim in claims.list_live_claims(tx, host_id=host.id):
        events.add_event(
            tx, Event(now, "device", str(claim.state), "removed", why, host.id, claim.device_id, claim.server_id)
        )
    claims.forget_host(tx, host.id, live=True)
    ledger.end_entries(tx, host.id, now)
    for upload in disk_uploads.list_uploads(tx, host_id=host.id):
        disk_uploads.end_upload(tx, upload.image_id)
        if upload.purpose in SEEN:
            images.mark_image_deleted(tx, upload.image_id, now)
    for departure in departures.list_departures(tx, host_ids=[host.id]):
        departures.end_departure(tx, departure)
        cells.forget_cells(tx, departure.server_id, host.id)
    for row in left:
        _end_departure(control, tx, row)


def _lives_there(tx: Tx, row: ServerRow, host_id: HostId) -> bool:
    """True for a server that is there and not deleted, or that a move still needs there."""
    if row.intent is Intent.PRESENT and row.host_id == host_id:
        return True
    move = moves.find_open_move(tx, row.id)
    return move is not None and (kind_of(move).returns or move.target.host_id == host_id)


def _end_departure(control: Control, tx: Tx, row: ServerRow) -> None:
    """Finishes the deletion of a server that only waited for this host."""
    if row.intent is not Intent.ABSENT or departures.list_departures(tx, server_id=row.id):
        return
    if row.status is ServerStatus.DELETED:
        let_go(tx, row, control.now())
    elif row.task_state is TaskState.DELETING:
        finish_delete(tx, row, control.now())
