"""Messages beside the two documents: join tokens and records of hand-overs; what is no such message is refused."""

from typing import Any

import msgspec
import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput
from busway.domain.handover import Handover, Identity, Scrub
from busway.testing.stage import ONE
from busway.wire.documents import decode, encode
from busway.wire.handover import MAX_TEXT, decode_handover, encode_handover
from busway.wire.join import Joined, JoinRequest, JoinToken, decode_token, encode_token
from busway.wire.plain import read, to_plain

TOKEN = JoinToken("https://cloud.example:8774", "h1", "secret", "ab" * 32)
IDENTITY = Identity("10de:20b5", rom="r", firmware="1.2")
SCRUB = Scrub("/usr/bin/clean", 1.5, "done")
HANDOVER = Handover("id", PciAddress("0000:41:00.0"), ONE, 1, 2, True, IDENTITY, IDENTITY, scrub=SCRUB)


def test_a_join_token_says_what_was_written_into_it_spaces_around_it_aside() -> None:
    assert decode_token(f"  {encode_token(TOKEN)}\n") == TOKEN


@pytest.mark.parametrize("text", ["", "word", encode_token(TOKEN)[:-9], "busway-join-1.!!!", "busway-join-1.e30"])
def test_what_is_no_join_token_is_refused_with_the_way_to_get_one(text: str) -> None:
    with pytest.raises(BadInput, match="not a join token") as refused:
        decode_token(text)
    assert (refused.value.code, "busway host create" in (refused.value.remedy or "")) == ("join-token-form", True)


def test_a_record_of_a_hand_over_comes_back_as_it_was() -> None:
    assert decode_handover(encode_handover(HANDOVER).decode()) == HANDOVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        " " * (MAX_TEXT + 1),
        encode_handover(HANDOVER).decode().replace("0000:41:00.0", "nowhere"),
        encode_handover(HANDOVER).decode().replace('"taken":1', '"taken":"then"'),
    ],
)
def test_what_is_no_record_of_a_hand_over_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode_handover(text)
    assert refused.value.code == "wire-format"


def test_a_message_comes_back_as_it_was() -> None:
    for message in (JoinRequest("s", "hash", "request"), Joined("h1", "certificate", 60)):
        assert decode(encode(message), type(message)) == message


@pytest.mark.parametrize("data", [b"", b"[]", b'{"secret": 1, "token_hash": "x"}'])
def test_what_is_no_such_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        decode(data, JoinRequest)
    assert refused.value.code == "wire-format"


def test_a_value_that_json_can_not_hold_is_an_error_of_the_program() -> None:
    with pytest.raises(NotImplementedError, match="has no place in a document"):
        to_plain(object())
    with pytest.raises(NotImplementedError, match="has no place in a document"):
        read("x", complex)


@pytest.mark.parametrize("value", ["nowhere", 7])
def test_what_is_no_pci_address_is_refused(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="no PCI address"):
        read(value, PciAddress)
