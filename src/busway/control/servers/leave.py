"""How a server leaves hosts: requested here, and finished only when each host has reported that nothing of it is left."""

from __future__ import annotations

from datetime import datetime

from busway.control.servers.access import set_status
from busway.domain.claim import ClaimState
from busway.domain.ids import HostId, ServerId
from busway.domain.move import MoveState
from busway.domain.server import ServerStatus, TaskState
from busway.store import (
    claims,
    consoles,
    departures,
    disk_uploads,
    events,
    hosts,
    images,
    moves,
    ports,
    security_groups,
    servers,
)
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.disk_uploads import SEEN
from busway.store.events import Event
from busway.store.servers import Intent, ServerRow


def depart(tx: Tx, server_id: ServerId, host_id: HostId, now: datetime, reason: str) -> None:
    """Takes a server off one host: from the next generation on it is absent there, and its claims are released."""
    generation = hosts.bump_generation(tx, host_id)
    departures.add_departure(tx, server_id, host_id, generation)
    live = [claim for claim in claims.list_live_claims(tx, server_id=server_id) if claim.host_id == host_id]
    release(tx, live, generation, now, reason)


def release(tx: Tx, released: list[Claim], generation: int, now: datetime, reason: str) -> None:
    """Releases claims that are not being released yet, each with its event."""
    going = [claim for claim in released if claim.state is not ClaimState.RELEASING]
    claims.release_claims(tx, going, generation, now)
    for claim in going:
        old = str(claim.state)
        events.add_event(
            tx, Event(now, "device", old, "releasing", reason, claim.host_id, claim.device_id, claim.server_id)
        )


def leave(tx: Tx, row: ServerRow, now: datetime, reason: str) -> set[HostId]:
    """Takes a server off all hosts for good, and cancels its move and uploads; returns the hosts."""
    if row.intent is not Intent.PRESENT:
        return set()
    servers.update_server(tx, row.id, now, intent=Intent.ABSENT)
    found = {claim.host_id for claim in claims.list_live_claims(tx, server_id=row.id)}
    if row.host_id is not None:
        found.add(row.host_id)
    move = moves.find_open_move(tx, row.id)
    if move is not None:
        found |= {move.source.host_id, move.target.host_id}
        moves.set_move_state(tx, move, MoveState.CANCELLED, now)
    drop_uploads(tx, row, now)
    hosts.lock_hosts(tx, found)
    leaving = {departure.host_id for departure in departures.list_departures(tx, server_id=row.id)}
    for host_id in sorted(found - leaving):
        depart(tx, row.id, host_id, now, reason)
    return found


def begin_delete(tx: Tx, row: ServerRow, now: datetime, reason: str) -> set[HostId]:
    """Takes a server off all hosts, and shows it as deleted as soon as nothing of it is on its own; returns the hosts."""
    left = leave(tx, row, now, reason)
    if row.host_id is None or row.intent is Intent.GONE:
        finish_delete(tx, row, now)
    else:
        servers.update_server(tx, row.id, now, task_state=TaskState.DELETING, powered=False, hold=None)
    return left


def drop_uploads(tx: Tx, row: ServerRow, now: datetime) -> None:
    """Cancels all uploads of a server's disk; an image that was to be made of it is deleted."""
    for upload in disk_uploads.list_uploads(tx, server_id=row.id):
        disk_uploads.end_upload(tx, upload.image_id)
        if upload.purpose in SEEN:
            images.mark_image_deleted(tx, upload.image_id, now)


def drop_shelved_image(tx: Tx, row: ServerRow, now: datetime) -> None:
    """Deletes the image that the disk of a server was kept as; its data stays while the server's own disk is made from it."""
    if row.shelved_image_id is not None:
        images.mark_image_deleted(tx, row.shelved_image_id, now)
        servers.update_server(tx, row.id, now, shelved_image_id=None)


def finish_delete(tx: Tx, row: ServerRow, now: datetime) -> None:
    """Shows a server as deleted to its user; what hosts still hold stays claimed."""
    set_status(tx, row, ServerStatus.DELETED, "deleted", now, task_state=None, power=None, terminated=now)
    drop_shelved_image(tx, row, now)
    consoles.drop_consoles(tx, [row.id])
    if not departures.list_departures(tx, server_id=row.id):
        let_go(tx, row, now)


def let_go(tx: Tx, row: ServerRow, now: datetime) -> None:
    """Records that no host has anything of a server any more; its addresses become free."""
    servers.update_server(tx, row.id, now, intent=Intent.GONE)
    if ports.release_ports(tx, row.id):
        security_groups.note_change(tx, row.project_id, now)
