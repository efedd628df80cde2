"""Devices as people say them become the words of a flavor, and what says nothing is refused with how to say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.domain.device_wish import DeviceWish, parse_wish
from busway.domain.errors import BadInput, InvalidExtraSpec
from busway.domain.extra_spec import check_extra_specs
from busway.domain.within import Within

ALIASES = ("h100", "A100 80GB", "nic")


@pytest.mark.parametrize(
    ("text", "counts", "within"),
    [
        ("4 x h100, one switch", (("h100", 4),), Within.SWITCH),
        ("4 x H100", (("h100", 4),), None),
        ("4×h100, same socket", (("h100", 4),), Within.SOCKET),
        ("h100:4", (("h100", 4),), None),
        ("h100:4,nic:1", (("h100", 4), ("nic", 1)), None),
        ("2 a100 80gb, 1 * nic, on one NUMA node", (("A100 80GB", 2), ("nic", 1)), Within.NUMA),
        ("h100", (("h100", 1),), None),
        ("2 x mi300x, below one PCIe switch", (("mi300x", 2),), Within.SWITCH),
    ],
)
def test_what_people_say_is_read(text: str, counts: tuple[tuple[str, int], ...], within: Within | None) -> None:
    assert parse_wish(text, ALIASES) == DeviceWish(counts, within)


@pytest.mark.parametrize("text", ["", ",", "one switch", "4 x", "0 x h100", "h100:0", "4:h100:2", "h100:many", "4"])
def test_what_says_no_number_of_devices_is_refused_with_how_to_say_it(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_wish(text, ALIASES)
    assert (refused.value.code, "4 x h100, one switch" in refused.value.remedy) == ("device-wish", True)


@given(
    st.lists(st.tuples(st.sampled_from(ALIASES), st.integers(1, 64)), min_size=1, max_size=3).map(tuple),
    st.sampled_from([None, *Within]),
)
def test_a_wish_in_words_is_read_as_itself(counts: tuple[tuple[str, int], ...], within: Within | None) -> None:
    wish = DeviceWish(counts, within)
    assert parse_wish(str(wish), ALIASES) == wish
    check_extra_specs(wish.extra_specs)


def test_a_part_of_a_host_that_is_none_is_refused_when_it_is_set() -> None:
    for specs in ({"busway:pci_within": "rack"}, {"busway:pci_withn": "switch"}):
        with pytest.raises(InvalidExtraSpec):
            check_extra_specs(specs)
