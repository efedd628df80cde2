"""Resize: another flavor, on the server's own host if it can be.

Sides: the source keeps flavor, disk and devices. In place, the target is the same host with a layer on top of the
disk, and devices that both sides have stay, so that a full host can resize; on another host, the target gets the disk
that the source uploads. It has arrived when the guest is off, in place, and when the disk is there, elsewhere. A
failure takes it back. A guest that only gets more devices may keep running (`moves.hot_resize`): source and
target have the same disks then. Its user confirms or reverts it (`moves.verify`).
"""

from __future__ import annotations

from busway.control.moves.kinds.kind import Kind, take_back
from busway.domain.move import Move, MoveKind, MoveState
from busway.domain.server import PowerState
from busway.store.servers import ServerRow


def has_arrived(row: ServerRow, move: Move, disk: bool) -> bool:
    """In place, the guest is off; on another host, the disk is there."""
    return row.power not in (PowerState.RUNNING, PowerState.PAUSED) if move.in_place else disk


KIND = Kind(MoveKind.RESIZE, has_arrived, MoveState.FINISHED, take_back)
