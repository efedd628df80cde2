"""Each filter by its name in nova.conf: whom it excludes, and in which words."""

from typing import Any

import pytest

from busway.domain.host_facts import ISOLATION, GuestKind
from busway.domain.ids import GroupId
from busway.domain.placement import HostState, Placement, PlacementRequest, Refusal, ServerGroup
from busway.domain.server_group import GroupPolicy
from busway.scheduler.explain import explain
from busway.scheduler.filters.spec_match import spec_matches
from busway.scheduler.place import place, place_all
from busway.scheduler.policy import ALWAYS, CHOOSABLE, Policy, choose_filters
from tests.scheduler.clouds import cloud, gpus, host, request

KVM = (GuestKind("x86_64", "kvm", "hvm"), GuestKind("x86_64", "qemu", "hvm"))


def excluded(there: HostState, policy: Policy | None = None, **changes: Any) -> tuple[str, str] | None:
    answer = place(cloud(there), request(0, **changes), policy or Policy())
    return (answer.hosts[0].rule, answer.hosts[0].reason) if isinstance(answer, Refusal) else None


def specs(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple((key.replace("__", ":"), value) for key, value in values.items())


def test_the_zone_must_be_the_one_that_is_asked_for() -> None:
    assert excluded(host("h1", zone="east"), zone="east") is None
    assert excluded(host("h1"), zone="east") == (
        "AvailabilityZoneFilter",
        "it is in zone nova, and east was asked for",
    )


def test_hints_name_servers_to_be_near_and_to_avoid() -> None:
    def hinted(*near: str, apart: tuple[str, ...] = (), **more: Any) -> PlacementRequest:
        return request(0, near=frozenset(near) if near else None, apart=frozenset(apart), **more)

    soft = ServerGroup(GroupId("g"), "g", GroupPolicy.SOFT_AFFINITY, ("h1",))
    assert where(hinted("h2")) == "h2"
    assert where(hinted(apart=("h1",))) == "h2"
    assert where(hinted("h1", "h3", apart=("h1",))) == "h3"
    assert where(hinted("h2", group=soft)) == "h2", "a soft group takes what the hint leaves"
    assert where(hinted("h2", host="h1")) == "SameHostFilter"
    assert where(hinted("gone")) == "SameHostFilter"
    assert where(request(0, near=frozenset())) == "SameHostFilter"
    assert where(hinted(apart=("h1", "h2", "h3"))) == "DifferentHostFilter"


@pytest.mark.parametrize(
    ("changes", "rule", "reason"),
    [
        ({"ram_mb": 70000}, "RamFilter", "RAM: 70000 MB wanted, 65536 MB free"),
        ({"vcpus": 65}, "CoreFilter", "vCPUs: 65 wanted, 64 free"),
        ({"disk_gb": 1001}, "DiskFilter", "disk: 1001 GB wanted, 1000 GB free"),
        ({"host": "h2"}, "ForcedHost", "the request names host h2"),
    ],
)
def test_what_is_not_there_in_full_excludes(changes: dict[str, Any], rule: str, reason: str) -> None:
    assert excluded(host("h1"), **changes) == (rule, reason)


def test_a_host_has_a_bounded_number_of_servers() -> None:
    full = host("h1", free_servers=1)

    assert excluded(full) is None
    answer = place_all(cloud(full), [request(0), request(1)], Policy())

    assert isinstance(answer, Refusal)
    assert answer.count_by_rule() == {"NumInstancesFilter": 1}
    assert "max_instances_per_host" in explain(answer).remedy


def test_the_image_must_be_of_a_kind_that_the_host_runs() -> None:
    arm = (("hw_architecture", "aarch64"), ("img_hv_type", "kvm"))
    assert excluded(host("h1", guests=KVM), image_properties=(("hw_architecture", "x86_64"),)) is None
    assert excluded(host("h1"), image_properties=arm) is None
    assert excluded(host("h1", guests=KVM), image_properties=arm) == (
        "ImagePropertiesFilter",
        "it does not run guests of architecture aarch64, hypervisor kvm",
    )


def test_capabilities_are_compared_where_the_host_reports_some() -> None:
    wanted = specs(capabilities__hypervisor_version=">= 8000000")
    newer, older = (host("h1", capabilities=(("hypervisor_version", v),)) for v in ("8002002", "7002000"))
    assert excluded(newer, extra_specs=wanted) is None
    assert excluded(host("h1"), extra_specs=wanted) is None
    assert excluded(older, extra_specs=wanted) == (
        "ComputeCapabilitiesFilter",
        "hypervisor_version is 7002000, and >= 8000000 was asked for",
    )


def test_an_aggregate_must_have_what_the_flavor_asks_of_it() -> None:
    wanted = specs(aggregate_instance_extra_specs__gpu="h100")
    on = Policy(filters=frozenset(CHOOSABLE))
    assert excluded(host("h1", aggregates=((("gpu", "a100, h100"),),)), on, extra_specs=wanted) is None
    assert excluded(host("h1", aggregates=((("gpu", "l40s"),),)), on, extra_specs=wanted) == (
        "AggregateInstanceExtraSpecsFilter",
        "gpu is l40s in its aggregates, and h100 was asked for",
    )
    off = Policy(filters=frozenset(CHOOSABLE) - {"AggregateInstanceExtraSpecsFilter"})
    assert excluded(host("h1"), off, extra_specs=wanted) is None
    assert excluded(host("h1"), extra_specs=wanted) is not None


def test_an_image_that_says_otherwise_than_an_aggregate_is_kept_away_where_the_filter_is_on() -> None:
    on = Policy(filters=frozenset(CHOOSABLE))
    windows, linux = ((("os_type", kind), ("os_distro", "any")) for kind in ("windows", "linux"))
    there = host("h1", aggregates=((("os_type", "windows, freebsd"),),))
    assert excluded(there, on, image_properties=windows) is None
    assert excluded(there, on, image_properties=(("os_distro", "any"),)) is None
    assert excluded(there, image_properties=linux) is None
    assert excluded(there, on, image_properties=linux) == (
        "AggregateImagePropertiesIsolation",
        "os_type is windows or freebsd in its aggregates, and the image's is linux",
    )


def where(wanted: PlacementRequest) -> str:
    answer = place(cloud(host("h1"), host("h2"), host("h3")), wanted)
    return answer.classes[0].rule if isinstance(answer, Refusal) else str(answer.host_id)


def test_groups_keep_servers_together_or_apart() -> None:
    def group(*hosts: str, affinity: bool) -> PlacementRequest:
        policy = GroupPolicy.AFFINITY if affinity else GroupPolicy.ANTI_AFFINITY
        return request(0, group=ServerGroup(GroupId("g"), "g", policy, hosts))

    assert where(group(affinity=True)) == where(group(affinity=False)) == "h1"
    assert where(group("h2", affinity=True)) == "h2"
    assert where(group("h1", affinity=False)) == "h2"
    assert where(group("h1", "h2", "h3", affinity=False)) == "ServerGroupAntiAffinityFilter"
    assert where(group("gone", affinity=True)) == "ServerGroupAffinityFilter"


@pytest.mark.parametrize(
    ("value", "wanted", "matches"),
    [
        ("4", "4", True),
        ("4", "= 3", True),
        ("4", ">= 5", False),
        ("4", "== 4.0", True),
        ("4", "!= 4", False),
        ("4", "<= 4", True),
        ("abc", "s== abc", True),
        ("abc", "s!= abc", False),
        ("abc", "s< abd", True),
        ("abc", "<in> bc", True),
        ("aes avx", "<all-in> aes avx", True),
        ("aes", "<all-in> aes avx", False),
        ("b", "<or> a <or> b", True),
        ("c", "<or> a <or> b", False),
        ("words", ">= 3", False),
        (None, "!= 3", False),
        ("", "", True),
    ],
)
def test_extra_specs_compare_as_in_nova(value: str | None, wanted: str, matches: bool) -> None:
    assert spec_matches(value, wanted) is matches


def test_filters_are_chosen_by_nova_s_names() -> None:
    mitaka = "RetryFilter,AvailabilityZoneFilter,RamFilter,ComputeFilter,PciPassthroughFilter,PciPasthroughFilter"
    choice = choose_filters(mitaka.split(","))
    assert choice.filters == {"AvailabilityZoneFilter"}
    assert choice.warnings == (
        "RetryFilter excludes nothing here: it is ignored",
        "There is no filter PciPasthroughFilter; did you mean PciPassthroughFilter?",
    )


def test_no_list_of_filters_leaves_out_what_a_claim_rests_on() -> None:
    nothing = Policy(filters=choose_filters([]).filters)
    assert excluded(host("h1", up=False), nothing) is not None
    assert excluded(host("h1", free_ram_mb=1), nothing) is not None
    assert not set(ALWAYS) & set(CHOOSABLE)


def test_a_host_whose_agent_can_t_serve_the_kind_gets_no_such_server() -> None:
    older = host("h1", gpus("h1", 1), kinds=())
    newer = host("h2", gpus("h2", 1))

    refused, placed = place(cloud(older), request(1)), place(cloud(older, newer), request(1))

    assert excluded(older) is None
    assert isinstance(refused, Refusal) and isinstance(placed, Placement)
    assert refused.hosts[0].rule == "ResourceKindFilter"
    assert "can't serve resources of the kind function" in refused.hosts[0].reason
    assert "Upgrade the agents" in explain(refused).remedy
    assert placed.host_id == "h2"


@pytest.mark.parametrize("word", ISOLATION)
def test_a_host_that_weakens_its_isolation_gets_no_server_with_a_device_and_the_remedy_names_both_ways(
    word: str,
) -> None:
    weak = host("h1", gpus("h1", 1), unsafe=(word,))
    safe = host("h2", gpus("h2", 1))

    refused, placed = place(cloud(weak), request(1)), place(cloud(weak, safe), request(1))

    assert excluded(weak) is None, "a server without devices may go there"
    assert isinstance(refused, Refusal) and isinstance(placed, Placement)
    assert (refused.hosts[0].rule, refused.hosts[0].reason) == ("DeviceIsolationFilter", ISOLATION[word][0])
    assert f"{ISOLATION[word][1]} on host h1" in explain(refused).remedy
    assert f"[busway] accept_weak_isolation = {word}" in explain(refused).remedy
    assert placed.host_id == "h2"


def test_a_host_that_is_no_chassis_gets_no_server_on_a_network_of_ovn_and_the_remedy_is_to_make_it_one() -> None:
    without = host("h1", no_chassis="ovn-controller does not answer under /run/ovn")
    chassis = host("h2")
    wish = request(0, overlay=True)

    refused, placed = place(cloud(without), wish), place(cloud(without, chassis), wish)

    assert excluded(without) is None, "a server without such a network may go there"
    assert isinstance(refused, Refusal) and isinstance(placed, Placement)
    assert (refused.hosts[0].rule, refused.hosts[0].reason) == (
        "OverlayFilter",
        "it is no chassis of OVN: ovn-controller does not answer under /run/ovn",
    )
    assert "make host h1 a chassis of OVN" in explain(refused).remedy
    assert placed.host_id == "h2"


def test_a_host_that_can_not_make_the_machine_is_passed_over() -> None:
    able = host("h1", machine=("machine", "uefi"))

    assert excluded(able, needs=("machine", "uefi")) is None
    assert excluded(able, needs=("machine", "tpm-2.0")) == (
        "MachineFilter",
        "it can't make the guest's machine: it has no tpm-2.0",
    )
    assert excluded(host("h2")) is None


def test_a_host_that_has_given_more_than_it_has_shows_nothing_free() -> None:
    assert excluded(host("h1", free_ram_mb=-512)) == ("RamFilter", "RAM: 256 MB wanted, 0 MB free")


def test_a_host_with_its_number_of_servers_takes_no_other() -> None:
    reason = "it has as many servers as a host may have (max_instances_per_host)"

    assert excluded(host("h1", free_servers=0)) == ("NumInstancesFilter", reason)
