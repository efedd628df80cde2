"""The life cycles: what may follow what, and how a device's status is computed."""

import itertools

import pytest

from busway.domain.claim import CLAIM_TRANSITIONS, ClaimState, check_claim_transition
from busway.domain.errors import Conflict
from busway.domain.server import SERVER_TRANSITIONS, ServerStatus, check_server_transition
from busway.domain.status import DeviceStatus, device_status


def test_a_claim_goes_claimed_allocated_releasing_freed() -> None:
    check_claim_transition(ClaimState.CLAIMED, ClaimState.ALLOCATED)
    check_claim_transition(ClaimState.ALLOCATED, ClaimState.RELEASING)
    check_claim_transition(ClaimState.RELEASING, ClaimState.FREED)


def test_a_device_in_use_never_becomes_free_without_being_released() -> None:
    for state in (ClaimState.CLAIMED, ClaimState.ALLOCATED):
        with pytest.raises(Conflict, match=f"A claim can't go from {state} to freed"):
            check_claim_transition(state, ClaimState.FREED)


def test_nothing_follows_the_end() -> None:
    assert not CLAIM_TRANSITIONS[ClaimState.FREED]
    assert not SERVER_TRANSITIONS[ServerStatus.DELETED]


def test_only_rebuilding_and_deleting_lead_out_of_error() -> None:
    for status in ServerStatus:
        if status in (ServerStatus.DELETED, ServerStatus.SOFT_DELETED, ServerStatus.ERROR, ServerStatus.REBUILD):
            check_server_transition(ServerStatus.ERROR, status)
        else:
            with pytest.raises(Conflict):
                check_server_transition(ServerStatus.ERROR, status)


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (None, DeviceStatus.AVAILABLE),
        (ClaimState.CLAIMED, DeviceStatus.CLAIMED),
        (ClaimState.ALLOCATED, DeviceStatus.ALLOCATED),
        (ClaimState.RELEASING, DeviceStatus.ALLOCATED),
    ],
)
def test_status_follows_the_claim(claim: ClaimState | None, status: DeviceStatus) -> None:
    assert device_status(present=True, claim=claim, quarantined=False, blocked_by=None) is status


def test_a_device_is_available_only_when_nothing_speaks_against_it() -> None:
    for present, quarantined, blocked in itertools.product((True, False), (True, False), (None, *ClaimState)):
        status = device_status(present=present, claim=None, quarantined=quarantined, blocked_by=blocked)
        assert (status is DeviceStatus.AVAILABLE) == (present and not quarantined and blocked is None)
