"""What a host answers to questions of DNS that OVN passes on. The whole is tested in `tests.networking.inside.overlay`."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.networking.overlay_services import answer_of


def question(name: str, kind: int = 28, flags: int = 0x0100) -> bytes:
    parts = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">6H", 7, flags, 1, 0, 0, 1) + parts + b"\0" + struct.pack(">2H", kind, 1) + b"more"


@pytest.mark.parametrize(
    ("name", "code"), [("db", 0), ("DB.busway.internal", 0), ("www.example.org", 5), ("xbusway.internal", 5)]
)
def test_a_name_of_the_network_has_no_such_address_and_one_of_elsewhere_is_refused(name: str, code: int) -> None:
    asked = question(name)

    answer = answer_of(asked, "busway.internal")

    assert answer is not None
    number, flags, questions, *counts = struct.unpack(">6H", answer[:12])
    assert (number, flags, questions, counts) == (7, 0x8180 | code, 1, [0, 0, 0])
    assert answer[12:] == asked[12 : -len(b"more")]


def test_an_answer_is_no_question() -> None:
    assert answer_of(question("db", flags=0x8180), "busway.internal") is None


@given(st.binary(max_size=600))
def test_what_no_guest_should_send_is_answered_by_no_more_than_itself(data: bytes) -> None:
    answer = answer_of(data, "busway.internal")

    assert answer is None or len(answer) <= len(data)
