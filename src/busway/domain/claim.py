"""A claim: this device belongs to this server.

A claim is born CLAIMED when a placement commits, becomes ALLOCATED when the host reports that the guest runs with the
device, RELEASING when the server is to go (deleted, or failed before it ran), and FREED only when the host reports
that nobody holds the device any more. A claim of a build that never reached the host also goes CLAIMED -> RELEASING
-> FREED, because only the host knows that it never touched the device.
"""

from __future__ import annotations

from enum import StrEnum

from busway.domain.errors import Conflict


class ClaimState(StrEnum):
    """The state of a claim; all but FREED are live, and a device has at most one live claim."""

    CLAIMED = "claimed"
    ALLOCATED = "allocated"
    RELEASING = "releasing"
    FREED = "freed"


CLAIM_TRANSITIONS: dict[ClaimState, frozenset[ClaimState]] = {
    ClaimState.CLAIMED: frozenset({ClaimState.ALLOCATED, ClaimState.RELEASING}),
    ClaimState.ALLOCATED: frozenset({ClaimState.RELEASING}),
    ClaimState.RELEASING: frozenset({ClaimState.FREED}),
    ClaimState.FREED: frozenset(),
}


def check_claim_transition(old: ClaimState, new: ClaimState) -> None:
    """Raises `Conflict` unless a claim may go from `old` to `new`."""
    if new not in CLAIM_TRANSITIONS[old]:
        raise Conflict(
            f"A claim can't go from {old} to {new}",
            detail=f"From {old} it may go to: {', '.join(sorted(CLAIM_TRANSITIONS[old])) or 'nothing'}.",
            code="claim-transition",
        )
