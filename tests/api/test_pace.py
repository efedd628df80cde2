"""Who only makes mistakes is answered at a pace; who has a good token is not slowed down by that."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from busway.api.pace import AT_ONCE, LONGEST_SECONDS, PER_SECOND, Pace
from tests.api.serving import ApiServer


@given(pauses=st.lists(st.floats(0, 0.5), min_size=1, max_size=400))
def test_an_address_that_waits_for_its_answers_gets_no_more_than_the_pace_allows(pauses: list[float]) -> None:
    now = [1000.0]
    pace = Pace(lambda: now[0])
    for pause in pauses:
        now[0] += pause
        delay = pace.delay("192.0.2.1")
        assert 0 <= delay <= LONGEST_SECONDS
        now[0] += delay

    assert now[0] - 1000.0 >= (len(pauses) - AT_ONCE) / PER_SECOND - 1e-6


def test_addresses_wait_for_themselves_and_an_ipv6_network_is_one() -> None:
    pace = Pace(lambda: 1000.0)
    for number in range(2 * AT_ONCE):
        pace.delay(f"2001:db8::{number:x}")

    assert pace.delay("2001:db8::ffff") == LONGEST_SECONDS
    assert pace.delay("2001:db8:0:1::1") == pace.delay("192.0.2.1") == pace.delay("") == 0


def test_made_up_tokens_are_answered_at_a_pace_and_a_good_one_at_once(api_server: ApiServer) -> None:
    stranger, user = api_server.client("made-up"), api_server.client()
    began = time.monotonic()
    for _ in range(AT_ONCE + PER_SECOND):
        assert stranger.get("/compute/v2.1/servers").status_code == 401
    took = time.monotonic() - began

    before = time.monotonic()
    for _ in range(PER_SECOND):
        user.get("/compute/v2.1/flavors").raise_for_status()
        user.post("/compute/v2.1/servers", json={})
    valid = time.monotonic() - before

    assert took >= 0.99
    assert valid < 2 * PER_SECOND * LONGEST_SECONDS / 2, "they did not wait as the stranger would"
