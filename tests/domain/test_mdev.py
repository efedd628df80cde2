"""Which types of mediated devices are enabled where, and what a parent offers by that."""

import pytest

from busway.domain.errors import InvalidConfig
from busway.domain.ids import DeviceId
from busway.domain.mdev import MdevOffer, MdevParentSeen, MdevRule, MdevRules, MdevTypeSeen, offers_of, shared_cards
from busway.domain.units.mdev import Instance, read_unit
from busway.domain.vgpu import SharedCard, SizeMode, Vgpu

GPU, OTHER = "0000:84:00.0", "0000:85:00.0"


def parent(name: str = GPU, available: int | None = 4, instances: tuple[str, ...] = ()) -> MdevParentSeen:
    types = (MdevTypeSeen("nvidia-35", "M60-0Q", available, instances), MdevTypeSeen("nvidia-36", "M60-0B", 1))
    return MdevParentSeen(name, types, 1)


def offer(seen: MdevParentSeen, rule: MdevRule, claimed: dict[str, Instance] | None = None) -> MdevOffer:
    [found] = offers_of(seen, (rule,), DeviceId("d1"), claimed or {}, "")
    return found


def test_a_type_with_addresses_is_of_those_and_one_without_of_all_others_that_have_it() -> None:
    rules = MdevRules([MdevRule("nvidia-36", (OTHER,)), MdevRule("nvidia-35")])

    found = [rules.rules_for(parent(name)) for name in (GPU, OTHER)]
    none = rules.rules_for(MdevParentSeen("mtty", (MdevTypeSeen("mtty-1"),)))

    assert [[rule.type_id for rule in each] for each in found] == [["nvidia-35"], ["nvidia-36"]]
    assert none == ()


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
    claimed = {"claim-1": Instance("nvidia-35", 0), "claim-2": Instance("nvidia-35", 2)}

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
    found = offer(parent(), MdevRule("nvidia-36", (GPU,)), {"claim-1": Instance("nvidia-35", 0)})

    assert found.free == 0
    assert "still have instances of its type nvidia-35" in found.blocked


VF = "0000:41:00.4"


def vf(name: str = VF, mode: str = "", *types: MdevTypeSeen, card: str = "0000:41:00.0") -> MdevParentSeen:
    known = (MdevTypeSeen("nvidia-12", "NVIDIA L40S-12Q", 1), MdevTypeSeen("nvidia-24", "NVIDIA L40S-24Q", 1))
    return MdevParentSeen(name, types or known, 1, card, mode)


BOTH = MdevRules(
    [MdevRule("nvidia-12", ("0000:41:00.0",), "CUSTOM_12Q"), MdevRule("nvidia-24", ("0000:41:00.0",), "CUSTOM_24Q")]
)


def test_types_of_one_parent_are_allowed_where_flavors_can_tell_them_apart() -> None:
    """The address of a PF is for all its VFs; a VF's own goes before it."""
    own = MdevRules([*BOTH.rules, MdevRule("nvidia-12", (VF,))])

    assert [rule.type_id for rule in BOTH.rules_for(vf())] == ["nvidia-12", "nvidia-24"]
    assert [rule.type_id for rule in own.rules_for(vf())] == ["nvidia-12"]


def test_a_vf_gives_one_instance_of_whichever_type() -> None:
    claimed = {"c1": Instance("nvidia-12", 0, Vgpu(12, 0))}

    free = offers_of(vf(), BOTH.rules, DeviceId("d1"), {}, "")
    taken = offers_of(vf(), BOTH.rules, DeviceId("d1"), claimed, "")

    assert [(each.free, each.single, each.size, each.card) for each in free] == [
        (1, True, 12, "0000:41:00.0"), (1, True, 24, "0000:41:00.0"),
    ]  # fmt: skip
    assert [each.free for each in taken] == [0, 0]
    assert "instances of its type nvidia-12" in taken[1].blocked


def test_a_card_is_as_its_vfs_and_the_claims_on_them_say() -> None:
    vfs = [
        vf(),
        vf("0000:41:00.5"),
        vf("0000:41:00.6", "", MdevTypeSeen("nvidia-24", "NVIDIA L40S-24Q", 0, ("other",))),
    ]
    claimed = {VF: {"c1": Instance("nvidia-12", 0, Vgpu(12))}}

    found = shared_cards(vfs, claimed, BOTH)

    assert found == (SharedCard("0000:41:00.0", "L40S", SizeMode.EQUAL, (Vgpu(12), Vgpu(24))),)


def test_a_card_whose_types_are_all_used_up_still_knows_what_it_has() -> None:
    """A driver lists no more what can't be made any more."""
    [found] = shared_cards(
        [MdevParentSeen(VF, (), 1, "0000:41:00.0", "mixed")],
        {VF: {"c1": Instance("nvidia-24", 0, Vgpu(24, 24))}},
        BOTH,
    )

    assert (found.mode, found.held) == (SizeMode.MIXED, (Vgpu(24, 24),))


def test_of_types_whose_sharing_is_not_known_a_parent_gives_the_first() -> None:
    rules = MdevRules([MdevRule("mtty-1", ("mtty",), "CUSTOM_ONE"), MdevRule("mtty-2", ("mtty",), "CUSTOM_TWO")])
    parent = MdevParentSeen("mtty", (MdevTypeSeen("mtty-1", "Single port serial", 24), MdevTypeSeen("mtty-2", "", 12)))

    first, second = offers_of(parent, rules.rules_for(parent), DeviceId("d1"), {}, "")

    assert (first.free, second.free) == (24, 0)
    assert second.blocked == "how its types share it is not known, and it gives mtty-1"


@pytest.mark.parametrize("name", ["NVIDIA A100-1-5C", "NVIDIA X9-4Q"])
def test_what_nobody_can_count_waits_for_the_operators_number(name: str) -> None:
    """GPU instances are made by hand; of an unknown card no table says how many fit."""
    parent = vf(VF, "", MdevTypeSeen("nvidia-9", name, 1))
    [without] = offers_of(parent, (MdevRule("nvidia-9"),), DeviceId("d1"), {}, "")
    rules = MdevRules([MdevRule("nvidia-9", max_instances=2)])
    [told] = offers_of(parent, rules.rules, DeviceId("d1"), {}, "")
    [card] = shared_cards([parent], {}, rules)

    assert "set max_instances of [mdev_nvidia-9]" in without.blocked
    assert (told.free, told.card, card.name, [limit for _, limit in card.limits]) == (1, card.name, card.name, [2])


@pytest.mark.parametrize(
    "instance",
    [Instance("nvidia-35", 0), Instance("i915-GVTg_V5_4", 12), Instance("nvidia-1155", 3, Vgpu(12, 36)),
     Instance("nvidia-1155", 0, Vgpu(12))],
    ids=str,
)  # fmt: skip
def test_a_unit_says_what_it_is(instance: Instance) -> None:
    assert read_unit(str(instance)) == instance
