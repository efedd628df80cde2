"""A move: a server on its way from one host to another, or to another size on the same host.

A resize or a cold migration holds two sets of claims, the old ones and the new ones, until its user confirms (the old
ones are released) or reverts (the new ones are). A device that is in both sets is kept. The two sides say all that the
server has, or must have, on its host. An evacuation has nothing to go back to: its source is left at once. In a live migration the source's guest runs
until the target has it whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from busway.domain.errors import Conflict
from busway.domain.flavor import Flavor
from busway.domain.ids import ClaimId, HostId, ImageId, ProjectId, ServerId, UserId
from busway.domain.live_move import LiveProgress


class MoveKind(StrEnum):
    """Nova's migration types that Busway does."""

    RESIZE = "resize"
    MIGRATION = "migration"
    EVACUATION = "evacuation"
    LIVE = "live-migration"


class MoveState(StrEnum):
    """The state of a move, in Nova's words for migrations."""

    MIGRATING = "migrating"
    POST_MIGRATING = "post-migrating"
    FINISHED = "finished"
    CONFIRMED = "confirmed"
    REVERTING = "reverting"
    REVERTED = "reverted"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


MOVE_TRANSITIONS: dict[MoveState, frozenset[MoveState]] = {
    MoveState.MIGRATING: frozenset({MoveState.POST_MIGRATING, MoveState.REVERTING, MoveState.CANCELLED}),
    MoveState.POST_MIGRATING: frozenset(
        {MoveState.FINISHED, MoveState.DONE, MoveState.REVERTING, MoveState.ERROR, MoveState.CANCELLED}
    ),
    MoveState.FINISHED: frozenset({MoveState.CONFIRMED, MoveState.REVERTING, MoveState.CANCELLED}),
    MoveState.REVERTING: frozenset(
        {MoveState.REVERTED, MoveState.ERROR, MoveState.CANCELLED, MoveState.POST_MIGRATING}
    ),
    MoveState.CONFIRMED: frozenset(),
    MoveState.REVERTED: frozenset(),
    MoveState.DONE: frozenset(),
    MoveState.ERROR: frozenset(),
    MoveState.CANCELLED: frozenset(),
}
OPEN_MOVES = frozenset(state for state, following in MOVE_TRANSITIONS.items() if following)


def check_move_transition(old: MoveState, new: MoveState) -> None:
    """Raises `Conflict` unless a move may go from `old` to `new`."""
    if new not in MOVE_TRANSITIONS[old]:
        raise Conflict(f"A move can't go from {old} to {new}", code="move-transition")


@dataclass(frozen=True, slots=True)
class MoveSide:
    """What a server has on one side of a move: its host, size, the image and layers of its disk, and its claims.

    `ephemeral_image_id` is the image of its ephemeral disk, None for one that its host made empty.
    """

    host_id: HostId
    flavor: Flavor
    image_id: ImageId
    disks: tuple[int, ...]
    claims: tuple[ClaimId, ...]
    ephemeral_image_id: ImageId | None = None


@dataclass(frozen=True, slots=True)
class LiveDetails:
    """What is special about a live migration.

    `secret` is what the source shows to the target, which listens at `address` with a certificate of this `fingerprint`; `told` that the
    source knows of it. `abort` and `force` are its user's wishes. `handed` tells that the source has given its guest away, `kept` that it has
    not and won't, `measured` that it has told how long the guest stood still.

    With `unplugs` the guest has devices, which it must let go before it is sent: `parting` tells that its host asks it to, `parted` that it has.
    """

    secret: str
    address: str = ""
    fingerprint: str = ""
    told: bool = False
    abort: bool = False
    force: bool = False
    handed: bool = False
    kept: bool = False
    measured: bool = False
    unplugs: bool = False
    parting: bool = False
    parted: bool = False
    progress: LiveProgress = field(default_factory=LiveProgress)


@dataclass(frozen=True, slots=True)
class Move:
    """One move; `powered` says whether the guest ran when it began, `error` why it is being reverted automatically."""

    id: int
    uuid: str
    server_id: ServerId
    kind: MoveKind
    state: MoveState
    source: MoveSide
    target: MoveSide
    powered: bool
    user_id: UserId
    project_id: ProjectId
    created: datetime
    updated: datetime
    error: str | None = None
    live: LiveDetails | None = None

    @property
    def in_place(self) -> bool:
        """True when the server stays on its host."""
        return self.source.host_id == self.target.host_id

    @property
    def is_hot(self) -> bool:
        """True for a resize of a guest that keeps running: it stays on its host and its disk, and gets more devices."""
        return self.in_place and self.source.disks == self.target.disks
