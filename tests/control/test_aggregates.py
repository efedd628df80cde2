"""Aggregates: their hosts, their zones, and the placements that follow from them."""

from dataclasses import replace

import pytest

from busway.control import aggregates, flavors
from busway.control.hosts import registry as hosts
from busway.control.hosts.forget import delete_host
from busway.control.placement import place
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.domain.aggregate import Aggregate
from busway.domain.errors import BadInput, Conflict, Forbidden, InvalidExtraSpec, NotFound
from busway.domain.requests import CreateServer
from busway.domain.server import Server
from busway.scheduler.policy import CHOOSABLE, Policy
from busway.store import events
from tests.control.clouds import ADMIN, USER, Cloud


def make(cloud: Cloud, name: str, *members: str, zone: str | None = None, **metadata: str) -> Aggregate:
    made = aggregates.create_aggregate(cloud.control, ADMIN, name, zone)
    for member in members:
        aggregates.add_host(cloud.control, ADMIN, str(made.id), member)
    return aggregates.set_metadata(cloud.control, ADMIN, str(made.id), metadata)


def boot(cloud: Cloud, name: str = "s", zone: str | None = None, **specs: str) -> Server:
    extra = {key.replace("__", ":"): value for key, value in specs.items()}
    request = CreateServer(name, replace(cloud.plain, extra_specs=extra), cloud.image, availability_zone=zone)
    made = create_servers(cloud.control, ADMIN, request, f"req-{name}")
    place.place_round(cloud.control)
    return cloud.server(made[0].id)


@pytest.fixture
def two_hosts(cloud: Cloud) -> Cloud:
    cloud.host("h1")
    cloud.host("h2")
    return cloud


def test_a_zone_is_asked_for_by_its_name(two_hosts: Cloud) -> None:
    make(two_hosts, "racks", "h2", zone="east")
    assert aggregates.list_zones(two_hosts.control) == {"east": ["h2"], "nova": ["h1"]}
    east, anywhere = boot(two_hosts, zone="east"), boot(two_hosts, "any")
    assert (east.host_name, east.availability_zone, east.pinned_zone) == ("h2", "east", "east")
    assert (anywhere.availability_zone, anywhere.pinned_zone) == ("east", None)
    assert boot(two_hosts, "default", zone="nova").host_name == "h1"


def test_a_zone_without_room_says_that_another_would_do(two_hosts: Cloud) -> None:
    make(two_hosts, "racks", "h2", zone="east")
    hosts.set_enabled(two_hosts.control, ADMIN, "h2", enabled=False)
    fault = boot(two_hosts, zone="east").fault
    assert fault is not None
    assert "AvailabilityZoneFilter excluded 1, ComputeFilter excluded 1" in fault.message
    assert "take any availability zone instead of east" in fault.message


def test_an_extra_spec_is_met_by_an_aggregate(two_hosts: Cloud) -> None:
    control = two_hosts.control
    policy = Policy(filters=frozenset(CHOOSABLE))
    two_hosts.control = replace(control, settings=replace(control.settings, policy=policy))
    make(two_hosts, "gpus", "h2", gpu="h100")
    assert boot(two_hosts, aggregate_instance_extra_specs__gpu="h100").host_name == "h2"
    fault = boot(two_hosts, "b", aggregate_instance_extra_specs__gpu="b200").fault
    assert fault is not None
    assert "add host h1 to an aggregate with gpu=b200" in fault.message


def test_an_extra_spec_for_a_filter_that_is_off_is_refused(two_hosts: Cloud) -> None:
    specs = {"aggregate_instance_extra_specs:gpu": "h100"}
    assert flavors.set_extra_specs(two_hosts.control, ADMIN, two_hosts.plain.id, specs).extra_specs == specs
    two_hosts.configure(policy=Policy(filters=frozenset()))
    for key in ("aggregate_instance_extra_specs:gpu", "capabilities:hypervisor_type"):
        with pytest.raises(InvalidExtraSpec, match=f"{key} has no effect"):
            flavors.set_extra_specs(two_hosts.control, ADMIN, two_hosts.plain.id, {key: "x"})
    flavors.set_extra_specs(two_hosts.control, ADMIN, two_hosts.plain.id, {"capabilities": "of no scope"})


def test_a_host_is_in_one_zone_only(two_hosts: Cloud) -> None:
    make(two_hosts, "racks", "h1", zone="east")
    west = make(two_hosts, "other", zone="west")
    with pytest.raises(Conflict, match="Host h1 is already in availability zone east"):
        aggregates.add_host(two_hosts.control, ADMIN, str(west.id), "h1")
    plain = make(two_hosts, "plain", "h1")
    with pytest.raises(Conflict, match="already in availability zone east"):
        aggregates.set_metadata(two_hosts.control, ADMIN, str(plain.id), {"availability_zone": "west"})


def test_servers_do_not_find_themselves_in_another_zone(two_hosts: Cloud) -> None:
    server = boot(two_hosts)
    east = make(two_hosts, "racks", zone="east")
    with pytest.raises(Conflict, match="has 1 servers, which would change from availability zone nova to east"):
        aggregates.add_host(two_hosts.control, ADMIN, str(east.id), str(server.host_name))


def test_a_deleted_server_does_not_keep_its_host_in_the_zone(two_hosts: Cloud) -> None:
    server = boot(two_hosts)
    east = make(two_hosts, "racks", zone="east")
    delete_server(two_hosts.control, ADMIN, server.id, "req-1")
    aggregates.add_host(two_hosts.control, ADMIN, str(east.id), str(server.host_name))
    assert aggregates.list_zones(two_hosts.control)["east"] == [server.host_name]


def test_what_is_not_there_or_not_empty_is_refused(two_hosts: Cloud) -> None:
    racks = make(two_hosts, "racks", "h1")
    control, number = two_hosts.control, str(racks.id)
    with pytest.raises(Conflict, match="Aggregate racks already exists"):
        make(two_hosts, "racks")
    with pytest.raises(Conflict, match="already has host h1"):
        aggregates.add_host(control, ADMIN, number, "h1")
    with pytest.raises(NotFound, match="Compute host h9 could not be found"):
        aggregates.add_host(control, ADMIN, number, "h9")
    with pytest.raises(NotFound, match="has no host h2"):
        aggregates.remove_host(control, ADMIN, number, "h2")
    with pytest.raises(BadInput, match="Aggregate racks is not empty"):
        aggregates.delete_aggregate(control, ADMIN, number)
    with pytest.raises(BadInput, match="'a:b' is not a valid name"):
        make(two_hosts, "colon", zone="a:b")
    with pytest.raises(NotFound):
        aggregates.get_aggregate(control, ADMIN, "racks")
    with pytest.raises(Forbidden):
        aggregates.list_aggregates(control, USER)


def test_a_null_takes_metadata_away_and_a_deleted_host_leaves(two_hosts: Cloud) -> None:
    racks = make(two_hosts, "racks", "h1", zone="east", gpu="h100")
    left = aggregates.set_metadata(two_hosts.control, ADMIN, str(racks.id), {"gpu": None})
    assert left.metadata == {"availability_zone": "east"}
    delete_host(two_hosts.control, ADMIN, "h1")
    assert aggregates.get_aggregate(two_hosts.control, ADMIN, str(racks.id)).hosts == ()
    aggregates.delete_aggregate(two_hosts.control, ADMIN, str(racks.id))


def test_each_change_of_a_host_s_aggregates_is_an_event(two_hosts: Cloud) -> None:
    racks = make(two_hosts, "racks", "h1")
    aggregates.remove_host(two_hosts.control, ADMIN, str(racks.id), "h1")
    with two_hosts.control.db.read() as tx:
        told = [each.reason for each in events.list_events(tx) if each.subject == "host" and "aggregate" in each.reason]
    assert sorted(told) == ["joined aggregate racks, by admin", "left aggregate racks, by admin"]
