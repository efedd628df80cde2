"""Use case: list moves, those that are over too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.ids import HostId
from busway.domain.move import Move
from busway.policy import allows, authorize
from busway.store import hosts, moves
from busway.store.moves import MoveFilter

EVERY_MOVE = MoveFilter()
_RULE = "os_compute_api:os-migrations:index"


@dataclass(frozen=True, slots=True)
class MoveList:
    """Moves, newest first, with the names of their hosts."""

    moves: tuple[Move, ...]
    host_names: Mapping[HostId, str]


def list_moves(control: Control, caller: Caller, wanted: MoveFilter = EVERY_MOVE) -> MoveList:
    """The moves of the caller's project, or of all for whom the rules permit it; hosts are named to few as well."""
    authorize(caller, f"{_RULE}")
    with control.db.read() as tx:
        if not allows(caller, f"{_RULE}:all_projects"):
            if wanted.project_id not in (None, caller.project_id):
                return MoveList((), {})
            wanted = replace(wanted, project_id=caller.project_id)
        found = moves.list_moves(tx, wanted)
        sides = (side.host_id for move in found for side in (move.source, move.target))
        names = hosts.names_of(tx, sides) if allows(caller, f"{_RULE}:host") else {}
    return MoveList(tuple(found), names)
