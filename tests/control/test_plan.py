"""A plan says what the placer would do now, and does nothing."""

from dataclasses import replace

import pytest

from busway.control import flavors
from busway.control.placement.place import BATCH, place_round
from busway.control.placement.plan import Plan, plan
from busway.control.servers.create import create_servers
from busway.domain.errors import BadInput, Forbidden, InvalidExtraSpec, NotFound
from busway.domain.ids import FlavorId
from busway.domain.requests import CreateServer
from busway.domain.server import ServerStatus
from tests.control.clouds import ADMIN, USER, Cloud


@pytest.fixture
def gpu_cloud(cloud: Cloud) -> Cloud:
    flavors.create_flavor(cloud.control, ADMIN, replace(cloud.gpu_flavor, id=FlavorId("g1"), name="gpu"))
    pair = replace(cloud.gpu_flavor, id=FlavorId("g2"), name="pair", extra_specs={"pci_passthrough:alias": "a1:2"})
    flavors.create_flavor(cloud.control, ADMIN, pair)
    return cloud


def planned(cloud: Cloud, flavor: str = "gpu", count: int = 1, **options: str) -> Plan:
    return plan(cloud.control, ADMIN, flavor, count, **options)


def test_a_plan_names_host_devices_and_reason_and_the_placer_does_the_same(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 2)
    gpu_cloud.host("h2", 1)
    [server] = planned(gpu_cloud).servers
    assert server.host == "h2"
    assert server.devices[0].startswith("0000:41:00.0 ")
    assert "alias a1" in server.devices[0]
    assert "one NUMA node" in server.reason
    assert gpu_cloud.boot()[0].host_name == "h2"


def test_a_plan_changes_nothing(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 1)
    assert planned(gpu_cloud) == planned(gpu_cloud)
    assert gpu_cloud.boot()[0].status is ServerStatus.BUILD


def test_several_servers_land_together_or_not_at_all(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 2)
    gpu_cloud.host("h2", 1)
    assert sorted(server.host for server in planned(gpu_cloud, count=3).servers) == ["h1", "h1", "h2"]
    refusal = planned(gpu_cloud, count=4).refusal
    assert refusal is not None
    assert "1 of 4 servers that are wanted together" in refusal.brief
    assert refusal.remedies[0] == "ask for 3 servers at once"


def test_a_refusal_counts_names_the_nearest_and_what_would_help(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 1)
    gpu_cloud.boot()
    refusal = planned(gpu_cloud).refusal
    assert refusal is not None
    assert refusal.hosts == {"PciPassthroughFilter": 1}
    assert refusal.devices == {"belongs to another server": 1}
    assert refusal.nearest is not None and refusal.nearest.startswith("h1: 1 of alias a1")
    assert refusal.remedies == ("delete 1 server on host h1",)


def test_servers_of_others_are_named_to_admins_only(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 1)
    [server] = gpu_cloud.boot()
    for caller, told in ((ADMIN, True), (USER, False)):
        refusal = plan(gpu_cloud.control, caller, "gpu").refusal
        assert refusal is not None
        assert (server.id in str(refusal)) is told


def test_what_can_not_be_planned_is_refused_with_its_reason(gpu_cloud: Cloud) -> None:
    broken = replace(gpu_cloud.plain, id=FlavorId("b"), name="broken", extra_specs={"hw:numa_nodes": "two"})
    flavors.create_flavor(gpu_cloud.control, ADMIN, broken)
    with pytest.raises(NotFound, match="Flavor nope"):
        planned(gpu_cloud, "nope")
    with pytest.raises(BadInput, match="101 servers"):
        planned(gpu_cloud, count=101)
    with pytest.raises(Forbidden):
        plan(gpu_cloud.control, USER, "gpu", host="h1")
    with pytest.raises(InvalidExtraSpec, match="hw:numa_nodes=two"):
        planned(gpu_cloud, "broken")


def test_a_plan_for_one_host_looks_at_no_other(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 2)
    gpu_cloud.host("h2", 1)
    assert planned(gpu_cloud, host="h1").servers[0].host == "h1"
    refusal = planned(gpu_cloud, "pair", host="h2").refusal
    assert refusal is not None
    assert "leave the choice of the host to the scheduler" in refusal.remedies


def test_servers_of_one_request_are_placed_all_or_none(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 3)
    refused = gpu_cloud.boot("four", count=4)
    assert {server.status for server in refused} == {ServerStatus.ERROR}
    assert refused[0].fault is not None
    assert "ask for 3 servers at once" in refused[0].fault.message
    placed = gpu_cloud.boot("three", count=3)
    assert {server.host_name for server in placed} == {"h1"}


@pytest.mark.thorough
def test_a_request_that_a_batch_would_cut_waits_for_the_next(gpu_cloud: Cloud) -> None:
    gpu_cloud.host("h1", 0)
    singles = BATCH - 40
    for name, count in (*((f"a{number}", 1) for number in range(singles)), ("many", 60)):
        request = CreateServer(name, gpu_cloud.plain, gpu_cloud.image, max_count=count, networks="none")
        create_servers(gpu_cloud.control, ADMIN, request, f"req-{name}")
    assert [place_round(gpu_cloud.control) for _ in range(3)] == [singles, 60, 0]


def test_why_tells_the_change_that_would_have_admitted_the_server(gpu_cloud: Cloud) -> None:
    from busway.control.servers.why import why

    gpu_cloud.host("h1", 1)
    gpu_cloud.boot("first")
    [second] = gpu_cloud.boot("second")
    fault = why(gpu_cloud.control, ADMIN, second.id).server.fault
    assert fault is not None
    assert "The smallest change that admits it: delete 1 server on host h1" in fault.message
    assert "would admit it: delete server" in fault.details
