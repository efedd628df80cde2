"""Parents of mediated devices are chosen as an exhaustive search would, and a refusal says what each has left."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.domain.ids import DeviceId
from busway.domain.mdev import MdevOffer
from busway.domain.placement import HostState, NumaCell, Placement, Refusal
from busway.domain.resource_request import GroupRule, ResourceRequest, ResourceRequests
from busway.domain.units import Mdev
from busway.domain.vgpu import SharedCard, SizeMode, Vgpu
from busway.scheduler.explain import explain
from busway.scheduler.mediated import assign
from busway.scheduler.place import place, place_all
from busway.scheduler.vgpu_fit import fit
from tests.scheduler.clouds import cloud, gpus, host, request


def offers(*free: int, name: str = "VGPU", total: int = 4) -> tuple[MdevOffer, ...]:
    """Parents with so many of `total` left."""
    return tuple(
        MdevOffer(DeviceId(f"p{n}"), f"0000:{0x84 + n:02x}:00.0", "nvidia-35", name, total, frozenset(range(total - left)))
        for n, left in enumerate(free)
    )  # fmt: skip


def there(name: str, *free: int) -> HostState:
    return host(name, kinds=("function", "mdev"), mdevs=offers(*free))


def asks(*counts: int, rule: GroupRule = GroupRule.NONE) -> ResourceRequests:
    """One group for each count; the first has no suffix if it is the only one."""
    if len(counts) == 1:
        return ResourceRequests((ResourceRequest("VGPU", counts[0]),), rule)
    return ResourceRequests(tuple(ResourceRequest("VGPU", count, str(n)) for n, count in enumerate(counts, 1)), rule)


def exhaustive(free: tuple[int, ...], counts: tuple[int, ...], isolate: bool) -> bool:
    for chosen in product(range(len(free)), repeat=len(counts)):
        used: Counter[int] = Counter()
        for place_, count in zip(chosen, counts, strict=True):
            used[place_] += count
        if all(used[n] <= free[n] for n in used) and (not isolate or len(set(chosen)) == len(chosen)):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    st.lists(st.integers(1, 3), min_size=2, max_size=4).map(tuple),
    st.booleans(),
)
def test_a_host_is_refused_only_where_no_assignment_serves_all(
    free: tuple[int, ...], counts: tuple[int, ...], isolate: bool
) -> None:
    rule = GroupRule.ISOLATE if isolate else GroupRule.NONE

    found = assign(offers(*free), asks(*counts, rule=rule))

    assert (found is not None) == exhaustive(free, counts, isolate)
    used: Counter[DeviceId] = Counter()
    for group, offer in found or ():
        used[offer.device_id] += group.count
    assert all(used[offer.device_id] <= offer.free for offer in offers(*free))
    assert not isolate or not found or len(used) == len(counts)


def test_the_fullest_parent_that_is_enough_is_taken_and_the_slots_are_named() -> None:
    placed = place(cloud(there("h1", 4, 2, 1)), request(0, resources=asks(2)))

    assert isinstance(placed, Placement)
    assert [(each.device_id, each.kind, each.unit, each.alias) for each in placed.devices] == [
        ("p1", Mdev.kind, "nvidia-35:2", "VGPU"),
        ("p1", Mdev.kind, "nvidia-35:3", "VGPU"),
    ]
    assert len({each.card for each in placed.devices}) == 2


def test_servers_of_one_turn_take_what_those_before_have_left() -> None:
    three = [request(0, resources=asks(1)) for _ in range(3)]

    placed = place_all(cloud(there("h1", 2, 1)), three)
    one_more = place_all(cloud(there("h1", 2, 1)), [*three, three[0]])

    assert isinstance(placed, tuple)
    units = [(each.device_id, each.unit) for answer in placed for each in answer.devices]
    assert len(set(units)) == 3
    assert isinstance(one_more, Refusal)


def test_a_refusal_tells_what_each_parent_has_left_and_what_to_do() -> None:
    blocked = there("h1", 0, 1)
    blocked = host("h1", kinds=blocked.kinds, mdevs=(*blocked.mdevs[:1], *_blocked(blocked.mdevs[1:])))

    refused = place(cloud(blocked, host("h2", gpus("h2", 1))), request(0, resources=asks(1)))

    assert isinstance(refused, Refusal)
    first, second = refused.hosts
    assert (first.rule, second.rule) == ("ResourceProviderFilter", "ResourceKindFilter")
    assert "0000:84:00.0 (nvidia-35): 0 of 4 free" in first.reason
    assert "0000:85:00.0 (nvidia-35): it is quarantined" in first.reason
    assert "enable its type on more devices" in explain(refused).remedy


def test_a_class_that_no_device_offers_is_named() -> None:
    wanted = ResourceRequests((ResourceRequest("CUSTOM_A16", 1),))

    refused = place(cloud(there("h1", 4)), request(0, resources=wanted))

    assert isinstance(refused, Refusal)
    assert "no device of it offers CUSTOM_A16" in refused.hosts[0].reason


def _blocked(some: tuple[MdevOffer, ...]) -> tuple[MdevOffer, ...]:
    return tuple(MdevOffer(o.device_id, o.parent, o.type_id, o.resource_class, o.total, blocked="it is quarantined: x")
                 for o in some)  # fmt: skip


def test_many_groups_that_do_not_fit_are_refused_without_trying_every_order() -> None:
    parents = offers(4, 5, 7, 8, 10, 11, 13, total=16)  # 17 times 3 in all, in some 10^10 orders

    assert assign(parents, asks(*[3] * 16, 4)) is None
    assert assign(parents, asks(*[3] * 16)) is not None


def card(number: int, mode: SizeMode, *held: Vgpu) -> SharedCard:
    return SharedCard(f"0000:{0x41 + number:02x}:00.0", "L40S", mode, held)


def vfs(card: SharedCard, count: int = 4, node: int | None = None) -> tuple[MdevOffer, ...]:
    """The free VFs of a card, each of which can become either of two types."""
    return tuple(
        MdevOffer(
            DeviceId(f"{card.name} {n}"), f"{card.name[:-1]}{n + 1}", f"nvidia-{size}", f"CUSTOM_{size}Q", 1,
            card=card.name, size=size, single=True, numa_node=node,
        )
        for n in range(count)
        for size in (12, 24)
    )  # fmt: skip


def sized(**counts: int) -> ResourceRequests:
    """What a flavor asks for by size: q12=2, q24=1."""
    return ResourceRequests(
        tuple(ResourceRequest(f"CUSTOM_{name[1:]}Q", count, name) for name, count in counts.items())
    )


def singles(**counts: int) -> ResourceRequests:
    """The same as groups of one, as a VF gives one."""
    groups = [(name, n) for name, count in counts.items() for n in range(count)]
    return ResourceRequests(tuple(ResourceRequest(f"CUSTOM_{name[1:]}Q", 1, f"{name}_{n}") for name, n in groups))


def shared(name: str, *cards: SharedCard, count: int = 4, node: int | None = None) -> HostState:
    offered = tuple(offer for each in cards for offer in vfs(each, count, node))
    return host(name, kinds=("function", "mdev"), mdevs=offered, cards=cards)


def test_mixed_sizes_are_laid_side_by_side_and_one_too_many_is_refused_with_the_reason() -> None:
    mixed = cloud(shared("h1", card(0, SizeMode.MIXED)))

    placed = place(mixed, request(0, resources=singles(q12=2, q24=1)))
    refused = place(mixed, request(0, resources=singles(q12=3, q24=1)))

    assert isinstance(placed, Placement)
    units = sorted(each.unit for each in placed.devices)
    assert units == ["nvidia-12:0/12@24", "nvidia-12:0/12@36", "nvidia-24:0/24@0"]
    assert len({each.device_id for each in placed.devices}) == 3
    assert isinstance(refused, Refusal)


def test_servers_one_after_the_other_are_told_where_the_sizes_that_are_there_lie() -> None:
    small, large = request(0, resources=sized(q12=1)), request(0, resources=sized(q24=1))
    mixed = cloud(shared("h1", card(0, SizeMode.MIXED)))

    fits = place_all(mixed, [small, small, large])
    refused = place_all(mixed, [small, small, small, large])

    assert isinstance(fits, tuple)
    assert isinstance(refused, Refusal)
    assert refused.fitting == 3
    [reason] = [each.reason for each in refused.hosts]
    assert "24 GB may begin at 0, 24; it has 12 GB from 0, 12 GB from 12, 12 GB from 24" in reason


def test_on_a_card_of_equal_sizes_the_first_decides() -> None:
    small, large = request(0, resources=sized(q12=1)), request(0, resources=sized(q24=1))
    one, two = card(0, SizeMode.EQUAL), card(1, SizeMode.EQUAL)

    alone = place_all(cloud(shared("h1", one)), [small, large])
    beside = place_all(cloud(shared("h1", one, two)), [small, large, small, large])

    assert isinstance(alone, Refusal)
    assert "is in equal-size mode and has 1 x 12 GB" in alone.hosts[0].reason
    assert isinstance(beside, tuple)
    by_card = {each.devices[0].device_id[:12]: each.devices[0].unit for each in beside}
    assert len(by_card) == 2


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([12, 24]), max_size=3), min_size=1, max_size=2),
    st.lists(st.sampled_from([12, 24]), min_size=1, max_size=5),
    st.sampled_from(list(SizeMode)),
    st.integers(1, 4),
)
def test_groups_on_shared_cards_are_refused_only_where_no_assignment_serves_all(
    held: list[list[int]], wanted: list[int], mode: SizeMode, count: int
) -> None:
    cards = []
    for number, sizes in enumerate(held):
        empty = card(number, mode)
        on_it = fit(empty, sizes)
        cards.append(empty.having(*on_it) if on_it else empty)
    there = shared("h1", *cards, count=count)

    placed = place(cloud(there), request(0, resources=singles(q12=wanted.count(12), q24=wanted.count(24))))

    def serves(chosen: tuple[int, ...]) -> bool:
        mine = [[size for size, which in zip(wanted, chosen, strict=True) if which == n] for n in range(len(cards))]
        return all(
            len(sizes) <= count and fit(each, sizes) is not None for each, sizes in zip(cards, mine, strict=True)
        )

    assert isinstance(placed, Placement) == any(map(serves, product(range(len(cards)), repeat=len(wanted))))
    if isinstance(placed, Placement):
        assert len({each.device_id for each in placed.devices}) == len(wanted)


def test_a_card_near_to_the_guest_is_taken_before_a_fuller_one() -> None:
    far, close = card(0, SizeMode.MIXED, Vgpu(24, 0)), card(1, SizeMode.MIXED)
    offered = (*vfs(far, node=0), *vfs(close, node=1))
    cells = (NumaCell(1, 8, 8192),)
    there = host("h1", kinds=("function", "mdev"), mdevs=offered, cards=(far, close), cells=cells)

    placed = place(cloud(there), request(0, resources=sized(q12=1), numa_nodes=1))
    elsewhere = place(cloud(there), request(0, resources=sized(q12=1)))

    assert isinstance(placed, Placement)
    assert isinstance(elsewhere, Placement)
    assert [placed.devices[0].device_id[:12], elsewhere.devices[0].device_id[:12]] == [close.name, far.name]


@pytest.mark.thorough
def test_many_vfs_of_many_cards_are_refused_without_trying_every_order() -> None:
    cards = [card(n, SizeMode.MIXED, Vgpu(12, 12 * (n % 4))) for n in range(8)]
    there = shared("h1", *cards, count=32)

    assert isinstance(place(cloud(there), request(0, resources=singles(q24=9))), Refusal)
    assert isinstance(place(cloud(there), request(0, resources=singles(q24=8, q12=8))), Placement)
