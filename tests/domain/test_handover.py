from busway.domain.address import PciAddress
from busway.domain.handover import Handover, Identity, judge
from busway.domain.ids import ServerId

IDENTITY = Identity("10de:2330", config="aa" * 32, rom="bb" * 32, vpd="cc" * 32, firmware="V1=96.00")


def handover(*, reset: bool = True, before: Identity | None = IDENTITY, after: Identity | None = IDENTITY) -> Handover:
    return Handover("1", PciAddress("0000:41:00.0"), ServerId("s"), 1, 2, reset, before, after)


def test_a_device_that_was_reset_and_is_what_it_was_goes_on() -> None:
    assert judge(handover(), IDENTITY, without_reset=False) == ""
    assert judge(handover(), None, without_reset=False) == ""


def test_without_a_record_nothing_goes_on() -> None:
    assert "no record" in judge(None, IDENTITY, without_reset=True)


def test_a_device_without_a_reset_goes_on_only_by_its_operators_word() -> None:
    assert "without_reset" in judge(handover(reset=False), IDENTITY, without_reset=False)
    assert judge(handover(reset=False), IDENTITY, without_reset=True) == ""


def test_what_was_rewritten_is_named_with_what_it_was() -> None:
    changed = Identity("10de:2330", config="aa" * 32, rom="dd" * 32, vpd="cc" * 32, firmware="V1=97.00")

    told = judge(handover(after=changed), None, without_reset=True)

    assert "rom was bbbbbbbbbbbbbbbb… and is dddddddddddddddd…" in told
    assert "firmware was V1=96.00 and is V1=97.00" in told


def test_it_is_compared_with_what_was_first_seen_and_not_with_the_last_time_only() -> None:
    crept = Identity("10de:2330", config="aa" * 32, rom="dd" * 32, vpd="cc" * 32, firmware="V1=96.00")

    assert judge(handover(before=crept, after=crept), IDENTITY, without_reset=False) != ""


def test_what_can_not_be_read_any_more_is_a_change() -> None:
    silent = Identity("10de:2330", config="aa" * 32, vpd="cc" * 32, firmware="V1=96.00")

    assert "rom was bbbbbbbbbbbbbbbb… and is nothing" in judge(handover(after=silent), None, without_reset=False)


def test_a_device_that_nobody_could_look_at_does_not_go_on() -> None:
    assert "could not look" in judge(handover(after=None), IDENTITY, without_reset=False)
