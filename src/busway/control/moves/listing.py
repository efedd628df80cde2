"""Use case: list moves, those that are over too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.ids import HostId
from busway.domain.move import Move
from busway.policy import allows, authorize
from busway.store import hosts, moves

_RULE = "os_compute_api:os-migrations:index"


@dataclass(frozen=True, slots=True)
class MoveList:
    """Moves, newest first, with the names of their hosts."""

    moves: tuple[Move, ...]
    host_names: Mapping[HostId, str]


def list_moves(control: Control, caller: Caller, server_id: str | None = None) -> MoveList:
    """The moves of the caller's project, or of all for whom the rules permit it; hosts are named to few as well."""
    authorize(caller, f"{_RULE}")
    with control.db.read() as tx:
        found = moves.list_moves(tx, server_id)
        names = {host.id: host.name for host in hosts.list_hosts(tx)} if allows(caller, f"{_RULE}:host") else {}
    if not allows(caller, f"{_RULE}:all_projects"):
        found = [move for move in found if move.project_id == caller.project_id]
    return MoveList(tuple(found), names)
