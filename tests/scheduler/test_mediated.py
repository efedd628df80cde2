"""Parents of mediated devices are chosen as an exhaustive search would, and a refusal says what each has left."""

from collections import Counter
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from busway.domain.ids import DeviceId
from busway.domain.mdev import MdevOffer
from busway.domain.placement import HostState, Placement, Refusal
from busway.domain.resource_request import GroupRule, ResourceRequest, ResourceRequests
from busway.domain.units import Mdev
from busway.scheduler.explain import explain
from busway.scheduler.mediated import assign
from busway.scheduler.place import place, place_all
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
