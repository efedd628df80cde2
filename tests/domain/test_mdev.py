"""Which types of mediated devices are enabled where, and what a parent offers by that."""

import pytest

from busway.domain.errors import InvalidConfig
from busway.domain.ids import DeviceId
from busway.domain.mdev import MdevOffer, MdevParentSeen, MdevRule, MdevRules, MdevTypeSeen, offer_of

GPU, OTHER = "0000:84:00.0", "0000:85:00.0"


def parent(name: str = GPU, available: int | None = 4, instances: tuple[str, ...] = ()) -> MdevParentSeen:
    types = (MdevTypeSeen("nvidia-35", "M60-0Q", available, instances), MdevTypeSeen("nvidia-36", "M60-0B", 1))
    return MdevParentSeen(name, types, 1)


def offer(seen: MdevParentSeen, rule: MdevRule, claimed: dict[str, tuple[str, int]] | None = None) -> MdevOffer:
    return offer_of(seen, rule, DeviceId("d1"), claimed or {}, "")


def test_a_type_with_addresses_is_of_those_and_one_without_of_all_others_that_have_it() -> None:
    rules = MdevRules([MdevRule("nvidia-36", (OTHER,)), MdevRule("nvidia-35")])

    found = [rules.rule_for(parent(name)) for name in (GPU, OTHER)]
    none = rules.rule_for(MdevParentSeen("mtty", (MdevTypeSeen("mtty-1"),)))

    assert [rule.type_id if rule else None for rule in found] == ["nvidia-35", "nvidia-36"]
    assert none is None


@pytest.mark.parametrize(
    "rules",
    [
        [MdevRule("nvidia-35", (GPU,)), MdevRule("nvidia-36", (GPU,))],
        [MdevRule("nvidia-35"), MdevRule("nvidia-36")],
        [MdevRule("nvidia-35", resource_class="GPU")],
        [MdevRule("nvidia-35", resource_class="CUSTOM_lower")],
        [MdevRule("nvidia-35", max_instances=0)],
        [MdevRule("../nvidia-35")],
    ],
)
def test_two_types_of_one_parent_and_other_nonsense_are_refused(rules: list[MdevRule]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        MdevRules(rules)
    assert (caught.value.code, bool(caught.value.remedy)) == ("invalid-mdev-types", True)


def test_what_is_made_for_claims_counts_and_what_others_made_does_not() -> None:
    claimed = {"claim-1": ("nvidia-35", 0), "claim-2": ("nvidia-35", 2)}

    found = offer(parent(available=2, instances=("claim-1", "by-hand")), MdevRule("nvidia-35"), claimed)

    assert (found.total, sorted(found.taken), found.free, found.slots(5)) == (3, [0, 2], 1, (1, 3, 4))
    assert found.slots(found.free) == (1,)


def test_the_operator_can_cap_what_a_kernel_can_not_count() -> None:
    assert offer(parent(available=16), MdevRule("nvidia-35", max_instances=3)).free == 3


def test_a_kernel_that_does_not_say_how_many_offers_none() -> None:
    assert offer(parent(available=None), MdevRule("nvidia-35")).free == 0


def test_a_type_that_the_card_has_no_more_is_told_with_those_that_it_has() -> None:
    found = offer(parent(), MdevRule("nvidia-99", (GPU,)))

    assert found.free == 0
    assert "no type nvidia-99 (it has nvidia-35, nvidia-36)" in found.blocked


def test_a_change_of_type_waits_for_the_servers_that_have_the_old_one() -> None:
    found = offer(parent(), MdevRule("nvidia-36", (GPU,)), {"claim-1": ("nvidia-35", 0)})

    assert found.free == 0
    assert "earlier type nvidia-35" in found.blocked
