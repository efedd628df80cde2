"""Cold migration: the same flavor on another host.

Sides: the source keeps disk and devices; the target gets its own devices and the disk that the source uploads. It has
arrived when the disk is there. A failure takes it back. Its user confirms or reverts it (`moves.verify`).
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.moves.begin import FROM, begin, ring
from busway.control.moves.kinds.kind import Kind, take_back
from busway.control.moves.target import place_now, without_ephemeral
from busway.control.servers.access import note_action, placed_server, require_guest_act
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.host_facts import GuestAct
from busway.domain.move import Move, MoveKind, MoveState
from busway.policy import authorize
from busway.store import hosts
from busway.store.database import Tx, take_turn
from busway.store.servers import ServerRow


def has_arrived(_row: ServerRow, _move: Move, disk: bool) -> bool:
    """The disk is there."""
    return disk


KIND = Kind(MoveKind.MIGRATION, has_arrived, MoveState.FINISHED, take_back)


def migrate_server(control: Control, caller: Caller, server_id: str, request_id: str, host: str | None = None) -> None:
    """Asks for a server to go to another host, or to a certain one; its flavor stays."""
    if host is not None:
        authorize(caller, "os_compute_api:os-migrate-server:migrate:host")
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = placed_server(tx, caller, server_id, "migrate", FROM)
        if row.has_ephemeral:
            require_guest_act(tx, row, "migrate", GuestAct.EPHEMERAL)
        _check_host(tx, row, host)
        placement = place_now(
            control, tx, row, row.flavor, host=host, without=row.host_id, unfit=without_ephemeral(tx, row)
        )
        target = begin(control, tx, caller, row, MoveKind.MIGRATION, row.flavor, placement)
        note_action(tx, caller, row.id, "migrate", request_id, control.now())
    control.crashpoint("move:after-commit")
    ring(control, row, target)


def _check_host(tx: Tx, row: ServerRow, host: str | None) -> None:
    if host is None:
        return
    known = hosts.find_host(tx, host)
    if known is None:
        raise NotFound(f"Compute host {host} could not be found.", remedy="busway host list", code="host-not-found")
    if known.id == row.host_id:
        raise BadInput(f"Server {row.id} is on host {host} already", remedy="Name another host.", code="same-host")
