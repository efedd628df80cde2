"""The side that a server is on now: what it has on its host."""

from __future__ import annotations

from busway.domain.move import Move, MoveSide
from busway.store.claims import Claim
from busway.store.servers import ServerRow


def current_side(row: ServerRow, move: Move | None, live: list[Claim]) -> MoveSide:
    """What a server has where its guest is; of a move, the side that it is on now."""
    assert row.host_id is not None
    if move is None:
        owned = tuple(claim.id for claim in live if claim.host_id == row.host_id)
    else:
        owned = (move.source if _is_source(row, move) else move.target).claims
    return MoveSide(row.host_id, row.flavor, row.disk_image_id, row.disks, owned, row.ephemeral_image_id)


def _is_source(row: ServerRow, move: Move) -> bool:
    """Both sides of a hot resize have the same disks, and differ in their flavors."""
    return row.flavor == move.source.flavor if move.is_hot else row.disks == move.source.disks
