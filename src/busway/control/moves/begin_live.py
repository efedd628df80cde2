"""Use case: a server that runs is to go to another host."""

from __future__ import annotations

import secrets

from busway.control.context import Control
from busway.control.moves.begin import ring
from busway.control.moves.left_out import Unfit
from busway.control.moves.live_checks import check_live, without_unfit
from busway.control.moves.live_devices import claimed_here, ids_of, pin_places, places_for
from busway.control.moves.sides import current_side
from busway.control.moves.target import claim_placement, place_now
from busway.control.servers.access import note_action, placed_server, set_status
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.host_facts import GuestAct
from busway.domain.move import LiveDetails, MoveKind, MoveSide, MoveState
from busway.domain.server import ServerStatus, TaskState
from busway.policy import authorize
from busway.store import hosts, moves
from busway.store.database import Tx, take_turn
from busway.store.servers import ServerRow

FROM = frozenset({ServerStatus.ACTIVE, ServerStatus.PAUSED})
_SECRET_BYTES = 32


def live_migrate_server(
    control: Control, caller: Caller, server_id: str, request_id: str, host: str | None = None
) -> None:
    """Asks for a server to go to another host, or to a certain one, while it runs."""
    if host is not None:
        authorize(caller, "os_compute_api:os-migrate-server:migrate_live:host")
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = placed_server(tx, caller, server_id, "os-migrateLive", FROM)
        held = claimed_here(tx, row)
        source = check_live(tx, row, held)
        out = without_unfit(tx, source, GuestAct.LIVE_UNPLUG if held else GuestAct.LIVE)
        _check_host(tx, row, host, out)
        equal = frozenset(ids_of(tx, held).values()) if held else None
        placement = place_now(control, tx, row, row.flavor, host=host, without=row.host_id, unfit=out, equal=equal)
        places = places_for(tx, row, held, placement.devices)
        assert row.host_id is not None
        now = control.now()
        disk = row.last_disk + 1
        here = current_side(row, None, held)
        hosts.lock_hosts(tx, (row.host_id, placement.host_id))
        if held:
            pin_places(control, tx, row)
        claimed = claim_placement(control, tx, row, row.flavor, placement, places)
        target = MoveSide(placement.host_id, row.flavor, row.disk_image_id, (disk,), claimed)
        details = LiveDetails(secrets.token_urlsafe(_SECRET_BYTES), unplugs=bool(held))
        uuid, who = control.new_id(), (caller.user_id, caller.project_id)
        moves.insert_move(tx, uuid, row.id, MoveKind.LIVE, MoveState.MIGRATING, here, target, True, *who, now, details)
        values = {"last_disk": disk, "task_state": TaskState.MIGRATING}
        set_status(tx, row, ServerStatus.MIGRATING, f"live migration asked for by {caller.user_name}", now, **values)
        note_action(tx, caller, row.id, "live-migration", request_id, now)
    control.crashpoint("move:after-commit")
    ring(control, row, placement.host_id)


def _check_host(tx: Tx, row: ServerRow, host: str | None, unfit: Unfit) -> None:
    if host is None:
        return
    known = hosts.find_host(tx, host)
    if known is None:
        raise BadInput(f"Compute host {host} could not be found.", remedy="busway host list", code="host-not-found")
    if known.id == row.host_id:
        raise BadInput(
            f"Migrating server {row.id} to its current host {host} is not possible",
            remedy="Name another host, or none.",
            code="same-host",
        )
    if known.id in unfit:
        raise BadInput(
            f"Host {host} can't let the guest of server {row.id} continue",
            detail=f"Reason: {unfit[known.id].reason}.",
            remedy="Name another host, or migrate it cold: openstack server migrate ID",
            code="live-unfit",
        )
