"""What a refusal suggests has been tried: with the change made, the request is admitted."""

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from busway.domain.alias import PciRequest
from busway.domain.ids import GroupId, ServerId
from busway.domain.placement import (
    HostState,
    NumaCell,
    Placement,
    PlacementRequest,
    Refusal,
    ServerGroup,
    Snapshot,
)
from busway.domain.placement_change import AskFewerServers
from busway.domain.server_group import GroupPolicy
from busway.scheduler.change import apply_changes
from busway.scheduler.explain import details, explain
from busway.scheduler.place import place, place_all
from tests.scheduler.clouds import A1, cloud, gpus, host, request, state
from tests.scheduler.generated import ALL_ON, requests, scarce_snapshots, snapshots

APART = ServerGroup(GroupId("g"), "g", GroupPolicy.ANTI_AFFINITY, ("h1",))


def refused(*hosts: object, wanted: PlacementRequest) -> Refusal:
    answer = place(cloud(*hosts), wanted)  # type: ignore[arg-type]
    assert isinstance(answer, Refusal)
    return answer


def remedies(answer: Refusal) -> list[str]:
    return [str(remedy) for remedy in answer.remedies]


@given(st.one_of(scarce_snapshots(), snapshots(least=1)), requests)
def test_every_suggested_change_admits_the_request(snapshot: Snapshot, wanted: PlacementRequest) -> None:
    answer = place(snapshot, wanted, ALL_ON)
    if isinstance(answer, Placement):
        return
    event(f"remedies: {len(answer.remedies)}")
    for remedy in answer.remedies:
        event(" and ".join(type(change).__name__ for change in remedy.changes))
        changed, less = apply_changes(remedy.changes, snapshot, wanted)
        assert isinstance(place(changed, less, ALL_ON), Placement), remedy


@given(snapshots(least=1), requests, st.integers(2, 4))
def test_what_is_suggested_for_servers_together_admits_all_of_them(
    snapshot: Snapshot, wanted: PlacementRequest, count: int
) -> None:
    answer = place_all(snapshot, [wanted] * count)
    if not isinstance(answer, Refusal):
        return
    for remedy in answer.remedies:
        changed, less = apply_changes(remedy.changes, snapshot, wanted)
        fewer = [c.count for c in remedy.changes if isinstance(c, AskFewerServers)]
        assert isinstance(place_all(changed, [less] * min([count, *fewer])), tuple)


@given(snapshots(least=1), requests)
def test_every_refusal_suggests_something(snapshot: Snapshot, wanted: PlacementRequest) -> None:
    answer = place(snapshot, wanted, ALL_ON)
    if isinstance(answer, Refusal):
        assert answer.remedies


@pytest.mark.parametrize(
    ("changes", "suggested"),
    [
        ({"claimed_by": ServerId("s7")}, "delete server s7 on host h1"),
        ({"quarantined": "FLR failed"}, "fix 0000:42:00.0 of host h1 and take it out of quarantine"),
        ({"offered": False}, "offer 0000:42:00.0 of host h1 with a [pci] device_spec"),
    ],
)
def test_the_device_that_is_missing_is_named(changes: dict[str, object], suggested: str) -> None:
    devices = [state("h1", "0000:41:00.0", 1), state("h1", "0000:42:00.0", 2, **changes)]
    answer = refused(host("h1", devices), wanted=request(2))
    assert remedies(answer) == ["ask for 1 of a1", suggested]
    assert f"would admit it: {suggested}" in details(answer)


def test_as_few_servers_as_possible_are_to_be_deleted() -> None:
    owners = ["s1", "s2", "s3", "s3", "s4", "s5"]
    devices = [
        state("h1", f"0000:{0x41 + n:02x}:00.0", n, claimed_by=ServerId(owner)) for n, owner in enumerate(owners)
    ]
    assert remedies(refused(host("h1", devices), wanted=request(2))) == ["delete server s3 on host h1"]
    assert remedies(refused(host("h1", devices), wanted=request(3)))[0].count("s") >= 2


def test_a_host_that_is_down_or_disabled_is_to_be_brought_back() -> None:
    down, disabled = host("h1", gpus("h1", 1), up=False), host("h2", gpus("h2", 1), enabled=False)
    assert remedies(refused(down, wanted=request())) == ["start host h1, whose agent does not report"]
    assert remedies(refused(disabled, wanted=request())) == ["enable host h2"]


def test_the_flavor_that_would_fit_best_is_named() -> None:
    answer = refused(host("h1", free_ram_mb=1000), host("h2", free_ram_mb=1500), wanted=request(0, ram_mb=2000))
    assert remedies(answer)[0] == "take a flavor with 1500 MB of RAM"
    assert answer.nearest is not None
    assert answer.nearest.rules == ("RamFilter",)


ON_TWO_NODES = [state("h1", f"0000:{0x41 + n:02x}:00.0", n, numa_node=n) for n in range(2)]
H100 = (("aggregate_instance_extra_specs:gpu", "<or> a100 <or> h100"),)


@pytest.mark.parametrize(
    ("there", "wanted", "suggested"),
    [
        (host("h1", zone="west"), {"zone": "east"}, "take any availability zone instead of east"),
        (host("h1"), {"group": APART}, "leave server group g out"),
        (host("h1"), {"extra_specs": H100}, "add host h1 to an aggregate with gpu=h100"),
        (host("h1"), {"extra_specs": H100}, "take a flavor without aggregate_instance_extra_specs:gpu"),
        (
            host("h1", capabilities=(("hypervisor_version", "7"),)),
            {"extra_specs": (("capabilities:hypervisor_version", "8"),)},
            "take a flavor without capabilities:hypervisor_version",
        ),
        (
            host("h1", ON_TWO_NODES, cells=(NumaCell(0, 8, 8192), NumaCell(1, 8, 8192))),
            {"pci": (PciRequest(A1, 2),), "numa_nodes": 1},
            "take a flavor with hw:pci_numa_affinity_policy=preferred",
        ),
        (
            host("h1", cells=(NumaCell(0, 8, 8192), NumaCell(1, 8, 8192))),
            {"numa_nodes": 1, "vcpus": 12},
            "take a flavor with hw:numa_nodes=2",
        ),
        (host("h1", cells=(NumaCell(0, 8, 8192),)), {"numa_nodes": 2}, "take a flavor with hw:numa_nodes=1"),
        (
            host("h1", cells=(NumaCell(0, 2, 8192),)),
            {"numa_nodes": 1, "vcpus": 4},
            "take a flavor without hw:numa_nodes",
        ),
    ],
)
def test_each_rule_has_its_own_way_out(there: HostState, wanted: dict[str, Any], suggested: str) -> None:
    answer = place(cloud(there), request(0, **wanted), ALL_ON)
    assert isinstance(answer, Refusal)
    assert suggested in remedies(answer)


def test_a_group_of_its_own_host_may_get_another_one() -> None:
    assert remedies(refused(host("h1"), wanted=request(0, group=APART)))[-1].startswith("add a host with")


def test_a_forced_host_may_be_given_up() -> None:
    answer = refused(host("h1", gpus("h1", 1)), host("h2"), wanted=request(host="h2"))
    assert remedies(answer)[0] == "leave the choice of the host to the scheduler"


def test_an_empty_cloud_needs_a_host_with_what_is_asked_for() -> None:
    assert remedies(refused(wanted=request(2))) == [
        "add a host with 2 of alias a1 (1234:1111), 1 vCPUs, 256 MB of RAM and 1 GB of disk free"
    ]


def test_the_message_for_users_counts_servers_of_others_and_does_not_name_them() -> None:
    error = explain(
        refused(host("h1", [state("h1", "0000:41:00.0", 1, claimed_by=ServerId("secret"))]), wanted=request())
    )
    assert "delete 1 server on host h1" in error.remedy
    assert "secret" not in str(error)


def test_the_nearest_miss_is_the_host_that_failed_least() -> None:
    far = host("h1", up=False, free_ram_mb=1)
    answer = refused(far, host("h2", gpus("h2", 1)), host("h3", gpus("h3", 3)), wanted=request(4))
    assert answer.nearest is not None
    assert (answer.nearest.host, answer.nearest.rules) == ("h3", ("PciPassthroughFilter",))
    assert "nearest: h3, which failed PciPassthroughFilter only" in explain(answer).detail
