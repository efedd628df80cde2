"""Claims: one live owner per device whatever any process believes, and the only ways that a claim can go."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from busway.domain.claim import CLAIM_TRANSITIONS, ClaimState
from busway.domain.errors import Conflict
from busway.domain.ids import ClaimId, DeviceId, ServerId
from busway.store import claims, devices
from busway.store.claims import Claim, list_live_claims, move_claims
from busway.store.database import Database, Tx
from tests.store.rows import H1, H2, NOON, S1, S2, add_claim, add_device, add_host

LATER = NOON + timedelta(seconds=1)


@pytest.fixture
def db(database: Database) -> Database:
    with database.write() as tx:
        for host_id in (H1, H2):
            add_host(tx, host_id)
        add_device(tx, "d1")
        add_device(tx, "d2", slot=2)
        add_device(tx, "d3", H2)
    return database


def move(tx: Tx, *states: ClaimState) -> None:
    for state in states:
        move_claims(tx, list_live_claims(tx), state, LATER)


def test_a_claim_is_read_as_it_was_written(db: Database) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")
        add_claim(tx, "c2", "d2", alias=None)

    with db.read() as tx:
        first, second = list_live_claims(tx)
    assert (first.id, first.device_id, first.host_id, first.server_id) == ("c1", "d1", H1, S1)
    assert (first.alias, first.state, first.created, first.updated) == ("a", ClaimState.CLAIMED, NOON, NOON)
    assert second.alias is None


@pytest.mark.parametrize("state", [ClaimState.CLAIMED, ClaimState.ALLOCATED, ClaimState.RELEASING])
def test_the_database_refuses_a_second_live_claim_on_a_device(db: Database, state: ClaimState) -> None:
    path = [ClaimState.ALLOCATED, ClaimState.RELEASING]
    with db.write() as tx:
        add_claim(tx, "c1")
        move(tx, *path[: path.index(state) + 1] if state in path else ())

    with pytest.raises(Conflict), db.write() as tx:
        add_claim(tx, "c2", server_id=S2)

    with db.read() as tx:
        assert [(claim.id, claim.state) for claim in list_live_claims(tx)] == [("c1", state)]


def test_units_of_one_device_have_owners_of_their_own(db: Database) -> None:
    def claim(number: int, unit: str) -> Claim:
        states = (ClaimState.CLAIMED, 0, NOON, NOON, "function", unit, number)
        return Claim(ClaimId(f"c{number}"), DeviceId("d1"), H1, ServerId(f"s{number}"), "a", *states)

    with db.write() as tx:
        claims.insert_claims(tx, [claim(1, "one"), claim(2, "two")])

    with pytest.raises(Conflict), db.write() as tx:
        claims.insert_claims(tx, [claim(3, "two")])

    with db.read() as tx:
        assert list_live_claims(tx) == [claim(1, "one"), claim(2, "two")]


def test_a_refused_claim_takes_the_whole_transaction_back(db: Database) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")

    with pytest.raises(Conflict), db.write() as tx:
        add_claim(tx, "c2", "d2", S2)
        add_claim(tx, "c3", "d1", S2)

    with db.read() as tx:
        assert [claim.id for claim in list_live_claims(tx)] == ["c1"]


def test_a_freed_device_can_be_claimed_again(db: Database) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")
        move(tx, ClaimState.RELEASING, ClaimState.FREED)
        add_claim(tx, "c2", server_id=S2)

    with db.read() as tx:
        assert [(claim.id, claim.server_id) for claim in list_live_claims(tx)] == [("c2", S2)]


def test_live_claims_are_found_by_host_and_by_server(db: Database) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")
        add_claim(tx, "c2", "d2", S2)
        add_claim(tx, "c3", "d3", S2, H2)

    with db.read() as tx:
        assert [claim.id for claim in list_live_claims(tx, host_id=H1)] == ["c1", "c2"]
        assert [claim.id for claim in list_live_claims(tx, server_id=S2)] == ["c2", "c3"]
        assert [claim.id for claim in list_live_claims(tx, host_id=H2, server_id=S1)] == []


@pytest.mark.parametrize("state", list(ClaimState))
def test_a_claim_goes_only_where_the_table_lets_it(db: Database, state: ClaimState) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")
    with db.read() as tx:
        [claim] = list_live_claims(tx)

    if state in CLAIM_TRANSITIONS[ClaimState.CLAIMED]:
        with db.write() as tx:
            move_claims(tx, [claim], state, LATER)
            assert [(each.state, each.updated) for each in list_live_claims(tx)] == [(state, LATER)]
    else:
        with pytest.raises(Conflict, match="can't go"), db.write() as tx:
            move_claims(tx, [claim], state, LATER)


def test_a_claim_needs_a_host_and_a_device_that_are_there(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as tx:
        add_claim(tx, "c1", "nothing")


def test_what_was_freed_just_now_is_told(db: Database) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")
        add_claim(tx, "c2", "d3", S2, H2)
        move(tx, ClaimState.RELEASING, ClaimState.FREED)

    with db.read() as tx:
        assert [claim.id for claim in claims.list_freed(tx, H1, LATER)] == ["c1"]
        assert claims.list_freed(tx, H1, NOON) == []


def test_a_host_is_forgotten_with_its_freed_claims_only(db: Database) -> None:
    with db.write() as tx:
        add_claim(tx, "c1")
        move(tx, ClaimState.RELEASING, ClaimState.FREED)
        add_claim(tx, "c2", "d2", S2)
        claims.forget_host(tx, H1)
        assert [claim.id for claim in list_live_claims(tx)] == ["c2"]

    with pytest.raises(IntegrityError), db.write() as tx:
        devices.forget_host(tx, H1)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(acts=st.lists(st.tuples(st.sampled_from(["claim", *ClaimState]), st.sampled_from(["d1", "d2"])), max_size=12))
def test_whatever_is_tried_a_device_has_one_live_claim_at_most(db: Database, acts: list[tuple[str, str]]) -> None:
    with db.write() as tx:
        tx.execute(claims.claims.delete())
    for number, (act, device) in enumerate(acts):
        try:
            with db.write() as tx:
                if act == "claim":
                    claims.insert_claim(tx, ClaimId(f"c{number}"), DeviceId(device), H1, S1, None, NOON)
                else:
                    mine = [claim for claim in list_live_claims(tx) if claim.device_id == device]
                    move_claims(tx, mine, ClaimState(act), LATER)
        except Conflict:
            pass
        with db.read() as tx:
            owned = [claim.device_id for claim in list_live_claims(tx)]
        assert len(owned) == len(set(owned))
