"""What fits on a card of vGPUs is what an exhaustive search over the vendor's tables finds, in both modes."""

from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.domain.vgpu import SharedCard, SizeMode, Vgpu, VgpuName, read_vgpu_name
from busway.domain.vgpu_layouts import LAYOUTS
from busway.scheduler.vgpu_fit import fit, why_not

MODELS = sorted(LAYOUTS)


def mixed(model: str = "L40S", *held: Vgpu) -> SharedCard:
    return SharedCard("0000:41:00.0", model, SizeMode.MIXED, held)


def equal(model: str = "L40S", *held: Vgpu) -> SharedCard:
    return SharedCard("0000:41:00.0", model, SizeMode.EQUAL, held)


def regions(one: Vgpu) -> set[int]:
    assert one.start is not None
    return set(range(one.start, one.start + one.size))


def lies_well(card: SharedCard, all_of_it: Sequence[Vgpu]) -> bool:
    """Each at a start of its table, and no region twice."""
    counts = Counter(region for each in all_of_it for region in regions(each))
    return max(counts.values(), default=0) < 2 and all(each.start in card.starts(each.size) for each in all_of_it)


def exhaustive(card: SharedCard, sizes: Sequence[int]) -> bool:
    """Tries every start of every vGPU."""
    return any(
        lies_well(card, [*card.held, *map(Vgpu, sizes, starts)])
        for starts in product(*(card.starts(size) for size in sizes))
    )


@st.composite
def cards(draw: st.DrawFn) -> tuple[SharedCard, list[int]]:
    """A card with vGPUs that lie well, and up to five sizes that are wanted besides; large ones mostly, as small ones fit."""
    model = draw(st.sampled_from(MODELS))
    card = mixed(model)
    large = [size for size in card.sizes if size * 16 > (card.capacity or 0)]
    for size in draw(st.lists(st.sampled_from(card.sizes), max_size=4)):
        one = Vgpu(size, draw(st.sampled_from(card.starts(size))))
        card = card.having(one) if lies_well(card, [*card.held, one]) else card
    return card, draw(st.lists(st.sampled_from(large), max_size=5))


@pytest.mark.thorough
@settings(max_examples=400, deadline=None)
@given(cards())
def test_in_mixed_sizes_exactly_that_fits_which_some_choice_of_starts_allows(
    case: tuple[SharedCard, list[int]],
) -> None:
    card, sizes = case

    found = fit(card, sizes)

    assert (found is not None) == exhaustive(card, sizes)
    if found is None:
        assert card.name in why_not(card, sizes)
    else:
        assert [each.size for each in found] == sizes
        assert lies_well(card, [*card.held, *found])


@settings(max_examples=200, deadline=None)
@given(cards())
def test_no_other_choice_leaves_more_places_for_the_largest_sizes(case: tuple[SharedCard, list[int]]) -> None:
    card, sizes = case
    sizes = sizes[:3]

    found = fit(card, sizes)

    def left(chosen: Sequence[Vgpu]) -> list[int]:
        busy = set().union(*map(regions, [*card.held, *chosen]), set())
        return [sum(not busy & regions(Vgpu(size, s)) for s in card.starts(size)) for size in card.sizes]

    if found is not None:
        every = (list(map(Vgpu, sizes, s)) for s in product(*(card.starts(size) for size in sizes)))
        assert left(found) == max(left(each) for each in every if lies_well(card, [*card.held, *each]))


@given(st.sampled_from(MODELS), st.data())
def test_in_equal_sizes_as_many_fit_as_the_frame_buffer_holds(model: str, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(mixed(model).sizes))
    has, more = data.draw(st.integers(0, 12)), data.draw(st.integers(1, 12))
    card = equal(model, *[Vgpu(size)] * has)

    found = fit(card, [size] * more)

    assert (found is not None) == ((has + more) * size <= LAYOUTS[model][0])
    assert found is None or set(found) == {Vgpu(size)}


@pytest.mark.parametrize("model", MODELS)
def test_the_tables_hold_what_their_vendor_says_of_them(model: str) -> None:
    """No two of one size overlap, none reaches over the end, and the whole card is one vGPU."""
    card = mixed(model)
    assert card.capacity is not None
    assert card.starts(card.capacity) == (0,)
    for size in card.sizes:
        assert lies_well(card, [Vgpu(size, start) for start in card.starts(size)])
        assert max(card.starts(size)) + size <= card.capacity


def test_two_of_12_and_one_of_24_fit_on_48_and_three_of_12_do_not_and_it_says_why() -> None:
    assert fit(mixed(), [12, 12, 24]) is not None
    assert fit(mixed(), [12, 12, 12, 24]) is None
    told = why_not(mixed(), [12, 12, 12, 24])
    assert told == (
        "1 x 24 GB + 3 x 12 GB can't lie side by side on 0000:41:00.0 (L40S, mixed sizes): "
        "24 GB may begin at 0, 24; 12 GB may begin at 0, 12, 24, 36; it is empty"
    )


def test_free_frame_buffer_at_the_wrong_place_is_of_no_use() -> None:
    """Two of 16 GB leave 16 GB in the middle of 48, where no start for 16 GB is."""
    both = mixed("L40S", Vgpu(16, 0), Vgpu(16, 32))

    assert fit(both, [16]) is None
    assert fit(equal("L40S", Vgpu(16), Vgpu(16)), [16]) == (Vgpu(16),)
    assert "16 GB may begin at 0, 32; it has 16 GB from 0, 16 GB from 32" in why_not(both, [16])


def test_in_equal_sizes_another_size_waits_for_an_empty_card() -> None:
    card = equal("L40S", Vgpu(12))

    assert fit(card, [24]) is None
    assert fit(equal(), [12, 24]) is None
    assert why_not(card, [24]) == "0000:41:00.0 is in equal-size mode and has 1 x 12 GB: it does not take 1 x 24 GB"
    assert why_not(equal("L40S", *[Vgpu(24)] * 2), [24]) == "0000:41:00.0 (L40S) holds 2 x 24 GB and has 2"


def test_a_limit_that_is_told_goes_before_the_table() -> None:
    card = SharedCard("0000:41:00.0", "X1", held=(Vgpu(12),), limits=((12, 2),))

    assert [fit(card, [12] * count) is not None for count in (1, 2)] == [True, False]
    assert fit(equal("X1"), [12] * 99) is not None  # nobody knows: its host counts


def test_what_no_table_says_is_refused_in_words() -> None:
    assert why_not(mixed("X1"), [12]) == "no place is known for 12 GB on a X1 in mixed-size mode"
    assert why_not(mixed("L40S", Vgpu(12)), [12]) == "0000:41:00.0 has a vGPU of which nobody knows where it lies"
    assert [fit(mixed("X1"), [12]), fit(mixed("L40S", Vgpu(12)), [12])] == [None] * 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NVIDIA L40S-12Q", VgpuName("L40S", 12)),
        ("L40S-48A", VgpuName("L40S", 48)),
        ("GRID A100-4-20C", VgpuName("A100", 20, 4)),
        ("NVIDIA H100-1-10CME", VgpuName("H100", 10, 1)),
        ("NVIDIA RTX Pro 6000 Blackwell DC-24Q", VgpuName("DC", 24)),
        ("NVIDIA RTX Pro 6000 Blackwell DC-1-24Q", VgpuName("DC", 24, 1)),
        ("i915-GVTg_V5_4", None),
        ("Dual port serial", None),
        ("", None),
    ],
)
def test_the_name_of_a_type_is_read(name: str, said: VgpuName | None) -> None:
    assert read_vgpu_name(name) == said
