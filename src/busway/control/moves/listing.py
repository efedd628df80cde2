"""Use case: list moves, those that are over too, for admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from busway.control.context import Control
from busway.domain.caller import Caller
from busway.domain.ids import HostId
from busway.domain.move import Move
from busway.store import hosts, moves


@dataclass(frozen=True, slots=True)
class MoveList:
    """Moves, newest first, with the names of their hosts."""

    moves: tuple[Move, ...]
    host_names: Mapping[HostId, str]


def list_moves(control: Control, caller: Caller, server_id: str | None = None) -> MoveList:
    """All moves, or those of one server."""
    caller.require_admin("list migrations")
    with control.db.read() as tx:
        names = {host.id: host.name for host in hosts.list_hosts(tx)}
        return MoveList(tuple(moves.list_moves(tx, server_id)), names)
