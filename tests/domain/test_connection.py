"""Connections as agents tell each other: what comes back is what was told, and nonsense is left out."""

import json

from hypothesis import given
from hypothesis import strategies as st

from busway.domain.connection import ESTABLISHED, LAST_ACK, MOST, TCP, UDP, Connection, from_words, to_words

ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)), st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))
)


@st.composite
def connections(draw: st.DrawFn) -> Connection:
    source, target = draw(ADDRESSES)
    ports = st.integers(1, 65535)
    protocol = draw(st.sampled_from((TCP, UDP)))
    state = draw(st.integers(ESTABLISHED, LAST_ACK)) if protocol == TCP else 0
    scales = draw(st.tuples(st.integers(0, 14), st.integers(0, 14)))
    seconds = draw(st.integers(1, 432_000))
    return Connection(protocol, str(source), draw(ports), str(target), draw(ports), seconds, state, scales)


@given(st.lists(connections(), max_size=5))
def test_what_is_told_is_what_was_known(known: list[Connection]) -> None:
    assert from_words(json.loads(json.dumps(to_words(known)))) == tuple(known)


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20)


@given(ANYTHING | st.lists(st.lists(st.integers() | st.sampled_from(("10.0.0.1", "fd00::1")), min_size=9, max_size=9)))
def test_nonsense_is_left_out(words: object) -> None:
    for each in from_words(words):
        assert each.goes_along
        assert 0 < each.source_port < 65536


def test_no_more_go_along_than_are_agreed() -> None:
    one = Connection(TCP, "10.0.0.1", 1, "10.0.0.2", 2, 9, ESTABLISHED)
    assert len(from_words(to_words([one] * (MOST + 1)))) == MOST


def test_a_connection_that_is_about_to_begin_or_has_ended_does_not_go_along() -> None:
    one = Connection(TCP, "10.0.0.1", 1, "10.0.0.2", 2, 9, ESTABLISHED - 1)
    assert from_words(to_words([one])) == ()
