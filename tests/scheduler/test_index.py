"""What is found by looking at one host of each class is what looking at every host finds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.domain.ids import ServerId
from busway.domain.placement import HostState, Placement, PlacementRequest, Refusal, Snapshot
from busway.scheduler.index import index_of, with_hosts
from busway.scheduler.place import after, place
from busway.scheduler.policy import Policy
from tests.scheduler.clouds import cloud, gpus, host, request
from tests.scheduler.generated import easy_requests, requests, snapshots
from tests.scheduler.plain import plain_place

policies = st.builds(
    Policy,
    fragmentation_weight=st.sampled_from([1.0, 0.0, -1.0]),
    pci_weight=st.sampled_from([1.0, 0.0, -2.0]),
    ram_weight=st.sampled_from([-1.0, 0.0, 1.0]),
)


@given(snapshots(least=1), requests, policies)
def test_an_answer_from_the_index_is_the_plain_answer(
    snapshot: Snapshot, wanted: PlacementRequest, policy: Policy
) -> None:
    answer = place(snapshot, wanted, policy)
    assert (answer if isinstance(answer, Placement) else None) == plain_place(snapshot, wanted, policy)


@pytest.mark.thorough
@given(snapshots(least=1), st.lists(easy_requests, min_size=1, max_size=8))
def test_an_index_that_followed_placements_answers_like_a_new_one(
    snapshot: Snapshot, wanted: list[PlacementRequest]
) -> None:
    for number, each in enumerate(wanted):
        now = replace(each, server_id=ServerId(f"s{number}"))
        answer = place(snapshot, now)
        assert answer == place(Snapshot(tuple(snapshot.hosts)), now)
        if isinstance(answer, Placement):
            snapshot = after(snapshot, now, answer)


@given(snapshots(least=1), st.data(), easy_requests)
def test_a_snapshot_made_of_the_last_one_answers_like_a_new_one(
    last: Snapshot, data: st.DataObject, wanted: PlacementRequest
) -> None:
    index_of(last)
    number = data.draw(st.integers(0, len(last.hosts) - 1))
    changed = data.draw(st.sampled_from([owned, quarantined, moved, smaller, gone]))(last.hosts[number])
    hosts = [changed if place == number else each for place, each in enumerate(last.hosts)]

    made = with_hosts(last, hosts)

    assert list(made.hosts) == hosts
    assert place(made, wanted) == place(Snapshot(tuple(hosts)), wanted)


def owned(host: HostState) -> HostState:
    return replace(host, devices=tuple(replace(each, claimed_by=ServerId("new")) for each in host.devices))


def quarantined(host: HostState) -> HostState:
    return replace(
        host, devices=tuple(replace(each, quarantined="stuck") for each in host.devices[:1]) + host.devices[1:]
    )


def moved(host: HostState) -> HostState:
    """Another IOMMU group for its first device: its hardware is another."""
    first = [replace(each, device=replace(each.device, iommu_group=99)) for each in host.devices[:1]]
    return replace(host, devices=(*first, *host.devices[1:]))


def smaller(host: HostState) -> HostState:
    return replace(host, free_ram_mb=host.free_ram_mb // 2, generation=host.generation + 1)


def gone(host: HostState) -> HostState:
    return replace(host, devices=tuple(replace(each, present=False) for each in host.devices), up=False)


@pytest.mark.thorough
@given(snapshots(least=1), requests)
def test_a_refusal_names_each_host_once(snapshot: Snapshot, wanted: PlacementRequest) -> None:
    answer = place(snapshot, wanted)
    if isinstance(answer, Refusal):
        assert sorted(each.host for each in answer.hosts) == sorted(each.name for each in snapshot.hosts)
        assert sum(answer.count_by_rule().values()) == len(snapshot.hosts) == answer.hosts_seen


def test_a_placement_leaves_the_snapshot_that_it_was_made_on_as_it_was() -> None:
    before = cloud(host("h1", gpus("h1", 2)), host("h2", gpus("h2", 2)))
    answer = place(before, request(2))
    assert isinstance(answer, Placement)
    behind = after(before, request(2), answer)
    assert place(before, request(2)) == answer
    assert place(behind, request(2)) != answer


def test_equal_hosts_are_one_class_whatever_their_names_and_groups() -> None:
    shifted = [replace(d, device=replace(d.device, iommu_group=90 - n)) for n, d in enumerate(gpus("h2", 4))]
    index = index_of(cloud(host("h1", gpus("h1", 4)), host("h2", shifted)))
    assert [len(list(entry.classes())) for entry in index.shapes.values()] == [1]


def test_many_hosts_are_taken_in_the_order_of_their_names() -> None:
    snapshot = cloud(*(host(f"h{n:03}", gpus(f"h{n:03}", 1)) for n in reversed(range(400))))
    taken = []
    for number in range(400):
        wanted = request(server_id=ServerId(f"s{number}"))
        answer = place(snapshot, wanted)
        assert isinstance(answer, Placement)
        taken.append(str(answer.host_id))
        snapshot = after(snapshot, wanted, answer)
    assert taken == sorted(taken)
    assert isinstance(place(snapshot, request()), Refusal)
