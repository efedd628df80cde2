"""Placement's allocation candidates over trees that are made by hand: a host, and cards below it."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from busway.domain.allocation_candidates import MOST, CandidateRequest, RequestGroup, candidates
from busway.domain.provider import DISK_GB, MEMORY_MB, VCPU, Inventory, ProviderTree, ResourceProvider

GPU = "CUSTOM_H100"
ONE_GPU = RequestGroup({GPU: 1})
CPU = RequestGroup({VCPU: 2})


def card(host: str, number: int, used: int = 0, total: int = 1, **fields: Any) -> ResourceProvider:
    taken = {"someone": {GPU: used}} if used else {}
    return ResourceProvider(
        f"{host}-{number}",
        f"{host}_card{number}",
        1,
        host,
        host,
        {GPU: Inventory(GPU, total)},
        allocations=taken,
        **fields,
    )


def tree(host: str, *cards: ResourceProvider, vcpus: int = 8, **fields: Any) -> ProviderTree:
    sizes = {VCPU: Inventory(VCPU, vcpus), MEMORY_MB: Inventory(MEMORY_MB, 1000, 100), DISK_GB: Inventory(DISK_GB, 10)}
    root = ResourceProvider(host, host, 1, host, inventories=sizes, **fields)
    return ProviderTree((root, *cards))


def served(*trees: ProviderTree, limit: int = MOST, **request: Any) -> list[dict[str, Mapping[str, int]]]:
    return [dict(each.amounts) for each in candidates(trees, CandidateRequest(**request), limit)]


def test_a_host_and_one_of_its_free_cards_serve_a_server_with_a_device() -> None:
    host = tree("h1", card("h1", 0, used=1), card("h1", 1), card("h1", 2))

    found = served(host, groups={"": CPU, "1": ONE_GPU})

    assert found == [{"h1": {VCPU: 2}, "h1-1": {GPU: 1}}, {"h1": {VCPU: 2}, "h1-2": {GPU: 1}}]


def test_two_groups_are_served_by_one_card_only_without_isolation() -> None:
    host = tree("h1", card("h1", 0, total=2), card("h1", 1))
    groups = {"1": ONE_GPU, "2": ONE_GPU}

    together, apart = served(host, groups=groups), served(host, groups=groups, isolate=True)

    assert {"h1-0": {GPU: 2}} in together
    assert apart == [{"h1-0": {GPU: 1}, "h1-1": {GPU: 1}}, {"h1-1": {GPU: 1}, "h1-0": {GPU: 1}}]
    assert {"h1-1": {GPU: 2}} not in together, "it has one"


def test_what_does_not_fit_is_no_candidate() -> None:
    host = tree("h1", card("h1", 0))

    assert served(host, groups={"": RequestGroup({VCPU: 9})}) == []
    assert served(host, groups={"": RequestGroup({MEMORY_MB: 901})}) == [], "a part of it is reserved"
    assert served(host, groups={"": RequestGroup({MEMORY_MB: 900})}) == [{"h1": {MEMORY_MB: 900}}]
    assert served(host, groups={"1": ONE_GPU, "2": ONE_GPU}, isolate=True) == []
    assert served(host, groups={"": RequestGroup({"FPGA": 1})}) == []


def test_traits_and_aggregates_choose_among_providers() -> None:
    fast = card("h1", 1, traits=frozenset({"CUSTOM_FAST"}))
    first = tree("h1", card("h1", 0), fast, traits=frozenset({"CUSTOM_OLD"}), aggregates=frozenset({"a1"}))
    second = tree("h2", card("h2", 0))
    wants = {"1": RequestGroup({GPU: 1}, required=(frozenset({"CUSTOM_FAST", "CUSTOM_NEW"}),))}
    avoids = {"1": RequestGroup({GPU: 1}, forbidden=frozenset({"CUSTOM_FAST"}))}

    assert served(first, second, groups=wants) == [{"h1-1": {GPU: 1}}]
    assert served(first, second, groups=avoids) == [{"h1-0": {GPU: 1}}, {"h2-0": {GPU: 1}}]
    assert served(first, second, groups={"": RequestGroup({VCPU: 1}, member_of=(frozenset({"a1"}),))}) == [
        {"h1": {VCPU: 1}}
    ]
    assert served(first, second, groups={"": RequestGroup({VCPU: 1}, outside=frozenset({"a1"}))}) == [{"h2": {VCPU: 1}}]
    assert served(first, second, groups={"": CPU}, root_forbidden=frozenset({"CUSTOM_OLD"})) == [{"h2": {VCPU: 2}}]
    assert served(first, second, groups={"": CPU}, root_required=frozenset({"CUSTOM_OLD"})) == [{"h1": {VCPU: 2}}]
    assert served(first, second, groups={"": RequestGroup({VCPU: 1}, in_tree="h2-0")}) == [{"h2": {VCPU: 1}}]


def test_the_group_without_a_suffix_has_its_traits_of_all_its_providers_together() -> None:
    fast = card("h1", 0, traits=frozenset({"CUSTOM_FAST"}))
    host = tree("h1", fast, card("h1", 1), traits=frozenset({"CUSTOM_OLD"}))
    both = (frozenset({"CUSTOM_FAST"}), frozenset({"CUSTOM_OLD"}))

    found = served(host, groups={"": RequestGroup({VCPU: 1, GPU: 1}, required=both)})

    assert found == [{"h1": {VCPU: 1}, "h1-0": {GPU: 1}}]


def test_groups_of_a_subtree_have_one_provider_above_all() -> None:
    host = tree("h1", card("h1", 0, traits=frozenset({"CUSTOM_A"})), card("h1", 1, traits=frozenset({"CUSTOM_B"})))
    a, b = (RequestGroup({GPU: 1}, required=(frozenset({name}),)) for name in ("CUSTOM_A", "CUSTOM_B"))
    root = RequestGroup({VCPU: 1})

    assert served(host, groups={"a": a, "b": b}, same_subtree=(frozenset({"a", "b"}),)) == []
    assert len(served(host, groups={"a": a, "b": b, "r": root}, same_subtree=(frozenset({"a", "b", "r"}),))) == 1


def test_a_limit_leaves_as_many_hosts_as_it_can() -> None:
    trees = [tree(f"h{host}", *(card(f"h{host}", number) for number in range(8))) for host in range(5)]

    found = served(*trees, limit=5, groups={"": CPU, "1": ONE_GPU, "2": ONE_GPU}, isolate=True)

    assert [next(iter(set(each) & {"h0", "h1", "h2", "h3", "h4"})) for each in found] == ["h0", "h1", "h2", "h3", "h4"]


@pytest.mark.parametrize("free", [7, 8])
def test_eight_devices_of_one_host_are_found_or_refused_at_once(free: int) -> None:
    """Placement itself takes minutes here: 8! ways to give eight groups eight devices, each of them a candidate."""
    host = tree("h1", *(card("h1", number, used=int(number >= free)) for number in range(8)))
    groups = {str(number): ONE_GPU for number in range(8)} | {"": CPU}
    began = time.monotonic()

    found = served(host, groups=groups, isolate=True)

    assert time.monotonic() - began < 5
    assert len(found) == (MOST if free == 8 else 0)
    assert all(len(each) == 9 for each in found)


def test_a_search_without_an_end_ends() -> None:
    """Each class is there often enough, and no choice of providers has the traits: all ways would have to be tried."""
    cards = [card("h1", number) for number in range(12)]
    cards.append(card("h1", 12, traits=frozenset({"CUSTOM_ONE"})))
    host = tree("h1", *cards)
    one = RequestGroup({GPU: 1}, required=(frozenset({"CUSTOM_ONE"}),))
    groups = {f"{number:02}": ONE_GPU for number in range(10)} | {"98": one, "99": one}
    began = time.monotonic()

    assert served(host, groups=groups, isolate=True) == []
    assert time.monotonic() - began < 5
