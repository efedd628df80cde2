"""The partition of an NVLink fabric that is taken leaves the largest others free: in every state of a board's eight GPUs."""

from dataclasses import replace
from itertools import product

import pytest

from busway.domain.alias import parse_alias
from busway.domain.ids import DeviceId, ServerId
from busway.domain.placement import DeviceState, HostState, Placement, Refusal
from busway.domain.units import FabricPartition
from busway.scheduler.partition_fit import best_partition, left
from busway.scheduler.place import place, place_all
from busway.testing.fabric import MODULES, PARTITIONS
from tests.scheduler.clouds import cloud, gpus, host, request

BITS = {number: sum(1 << module - 1 for module in modules) for number, modules in PARTITIONS.items()}
LINKED = parse_alias('{"name": "h100", "vendor_id": "1234", "product_id": "1111", "link": "nvlink"}')


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_no_other_choice_leaves_more_in_any_state(size: int) -> None:
    """All 256 sets of free GPUs, and for each every partition of the size."""
    for free in range(256):
        possible = [gpus for gpus in BITS.values() if gpus.bit_count() == size and gpus & free == gpus]

        number = best_partition(BITS, free, size)

        assert (number is None) == (not possible)
        if number is not None:
            assert BITS[number] in possible
            assert left(BITS, free & ~BITS[number]) == max(left(BITS, free & ~gpus) for gpus in possible)


@pytest.mark.parametrize(("free", "counts"), [(0b1111, (1, 2)), (0b0111, (0, 1)), (0b0110, (0, 0)), (0, (0, 0))])
def test_a_partition_is_left_when_all_of_its_gpus_are_free(free: int, counts: tuple[int, ...]) -> None:
    assert left({1: 0b1111, 2: 0b0011, 3: 0b1100}, free) == counts


@pytest.mark.parametrize("sizes", list(product([1, 2, 4], repeat=3)), ids=str)
def test_whatever_fits_on_an_empty_board_in_some_order_of_choices_fits_in_this_one(sizes: tuple[int, ...]) -> None:
    """One request after the other, none of which knows of the next."""

    def fits(rest: tuple[int, ...], free: int) -> bool:
        if not rest:
            return True
        mine = [gpus for gpus in BITS.values() if gpus.bit_count() == rest[0] and gpus & free == gpus]
        return any(fits(rest[1:], free & ~gpus) for gpus in mine)

    free = 255
    placed = True
    for size in sizes:
        number = best_partition(BITS, free, size)
        placed = placed and number is not None
        free &= ~BITS[number] if number is not None else 255

    assert placed == fits(sizes, 255)


def board(name: str, *claimed: int) -> HostState:
    """A host with the board, whose GPUs are in the order of their addresses; `claimed` are modules."""
    modules = [module for module, _ in sorted(MODULES.items(), key=lambda each: each[1])]
    states: list[DeviceState] = []
    for state, module in zip(gpus(name, 8), modules, strict=True):
        mine = tuple(sorted(number for number, members in PARTITIONS.items() if module in members))
        states.append(replace(state, partitions=mine, claimed_by=ServerId("other") if module in claimed else None))
    return host(name, tuple(states), fabric=DeviceId(f"{name}-fabric"))


def modules_of(placed: Placement, there: HostState) -> set[int]:
    order = [module for module, _ in sorted(MODULES.items(), key=lambda each: each[1])]
    places = {state.id: order[n] for n, state in enumerate(there.devices)}
    return {places[each.device_id] for each in placed.devices if each.device_id in places}


@pytest.mark.parametrize(
    ("claimed", "count", "wanted"), [((), 2, {1, 3}), ((1,), 1, {3}), ((1,), 2, {2, 4}), ((1,), 4, {5, 6, 7, 8})]
)
def test_linked_gpus_are_a_partition_and_it_is_claimed_with_them(
    claimed: tuple[int, ...], count: int, wanted: set[int]
) -> None:
    there = board("h1", *claimed)

    placed = place(cloud(there), request(count, LINKED))

    assert isinstance(placed, Placement)
    assert modules_of(placed, there) == wanted
    [fabric] = [each for each in placed.devices if each.kind == FabricPartition.kind]
    number = int(fabric.unit.removeprefix("partition-"))
    assert (fabric.device_id, set(PARTITIONS[number]), fabric.alias) == ("h1-fabric", wanted, None)


def test_enough_free_gpus_that_are_no_partition_are_refused_in_words() -> None:
    there = board("h1", 1, 2, 5, 6)

    refused = place(cloud(there), request(2, LINKED))

    assert isinstance(refused, Refusal)
    assert "joined by nvlink wanted, 4 free; free partitions of its fabric: 0 of 8, 0 of 4, 0 of 2, 4 of 1" in (
        refused.hosts[0].reason
    )


def test_a_host_without_a_fabric_joins_nothing() -> None:
    refused = place(cloud(host("h1", gpus("h1", 8))), request(2, LINKED))

    assert isinstance(refused, Refusal)
    assert "reports no NVLink fabric" in refused.hosts[0].reason


def test_servers_of_one_turn_share_a_board_until_it_is_full() -> None:
    wanted = [request(count, LINKED) for count in (2, 4, 1, 1)]

    placed = place_all(cloud(board("h1")), wanted)
    one_more = place_all(cloud(board("h1")), [*wanted, wanted[-1]])

    assert isinstance(placed, tuple)
    assert isinstance(one_more, Refusal)
    numbers = [each.unit for answer in placed for each in answer.devices if each.kind == FabricPartition.kind]
    assert len(set(numbers)) == 4
