"""What the metadata of aggregates says of their hosts holds on every way to a host, and is checked when it is written."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control import aggregates
from busway.control.hosts import registry as hosts
from busway.control.moves.begin_live import live_migrate_server
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.kinds.unshelve import unshelve_server
from busway.control.placement import place
from busway.control.placement.plan import plan
from busway.control.placement.snapshot import take_snapshot
from busway.control.providers.tree import read_trees
from busway.control.servers.shelve import shelve_server
from busway.control.servers.why import why
from busway.domain.caller import Caller
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput
from busway.domain.host_facts import GuestAct, HostCell
from busway.domain.ids import FlavorId
from busway.domain.placement import HostState
from busway.scheduler.policy import Policy
from tests.control.clouds import ADMIN, Cloud, Host
from tests.control.test_aggregates import make

OWN = "filter_tenant_id"


def state_of(cloud: Cloud, name: str) -> HostState:
    with cloud.control.db.read() as tx:
        return next(host for host in take_snapshot(cloud.control, tx).hosts if host.name == name)


@pytest.fixture
def owner(cloud: Cloud) -> Caller:
    """The user of a project that is in the database, which aggregates can name."""
    with cloud.control.db.read() as tx:
        return replace(ADMIN, project_id=cloud.project(tx).id)


def test_a_host_takes_the_servers_of_its_project_only_and_its_project_may_be_elsewhere(
    cloud: Cloud, owner: Caller
) -> None:
    cloud.host("h1")
    make(cloud, "theirs", "h1", **{OWN: owner.project_id})

    [refused] = cloud.boot("stranger", gpu=False)
    [own] = cloud.boot("own", gpu=False, caller=owner)
    cloud.host("h2")
    hosts.set_enabled(cloud.control, ADMIN, "h1", enabled=False)
    [roaming] = cloud.boot("roaming", gpu=False, caller=owner)

    assert refused.fault is not None and "AggregateMultiTenancyIsolation excluded 1" in refused.fault.message
    assert owner.project_id not in refused.fault.message
    assert "name project p1 in filter_tenant_id of an aggregate of host h1" in refused.fault.message
    assert (own.host_name, roaming.host_name) == ("h1", "h2")
    answer = why(cloud.control, ADMIN, refused.id)
    assert "it takes servers of the projects that its aggregates name only" in str(answer)


def test_servers_of_two_projects_that_wait_together_are_told_apart(cloud: Cloud, owner: Caller) -> None:
    cloud.host("h1")
    cloud.host("h2")
    make(cloud, "theirs", "h1", **{OWN: owner.project_id})
    [stranger] = cloud.create("stranger", gpu=False)
    [own] = cloud.create("own", gpu=False, caller=owner)
    hosts.set_enabled(cloud.control, ADMIN, "h2", enabled=False)

    place.place_round(cloud.control)

    assert cloud.server(stranger.id).host_name is None
    assert cloud.server(own.id).host_name == "h1"


def test_hints_of_servers_that_wait_together_are_told_apart(cloud: Cloud) -> None:
    cloud.host("h1")
    cloud.host("h2")
    [there] = cloud.boot("there", gpu=False)
    [anywhere] = cloud.create("anywhere", gpu=False)
    [apart] = cloud.create("apart", gpu=False, hints={"different_host": there.id})

    place.place_round(cloud.control)

    assert cloud.server(anywhere.id).host_name == there.host_name
    assert cloud.server(apart.id).host_name not in (None, there.host_name)


def _resize(cloud: Cloud, server_id: str) -> None:
    larger = replace(cloud.plain, id=FlavorId("larger"), vcpus=cloud.plain.vcpus + 1)
    resize_server(cloud.control, ADMIN, server_id, larger, "req-2")


def _migrate(cloud: Cloud, server_id: str) -> None:
    migrate_server(cloud.control, ADMIN, server_id, "req-2")


def _migrate_to_named(cloud: Cloud, server_id: str) -> None:
    migrate_server(cloud.control, ADMIN, server_id, "req-2", "h2")


def _live(cloud: Cloud, server_id: str) -> None:
    live_migrate_server(cloud.control, ADMIN, server_id, "req-2")


def _unshelve(cloud: Cloud, server_id: str) -> None:
    unshelve_server(cloud.control, ADMIN, server_id, "req-2")


def _evacuate(cloud: Cloud, server_id: str) -> None:
    evacuate_server(cloud.control, ADMIN, server_id, "req-2")


@pytest.mark.parametrize("act", [_resize, _migrate, _migrate_to_named, _live, _unshelve, _evacuate])
def test_no_way_leads_to_a_host_of_another_project(
    cloud: Cloud, owner: Caller, act: Callable[[Cloud, str], None]
) -> None:
    cloud.configure(shelved_offload_time=0)
    one = cloud.host("h1")
    [server] = cloud.boot(gpu=False)
    one.obey()
    two = cloud.host("h2")
    theirs = make(cloud, "theirs", "h2", **{OWN: owner.project_id})
    if act is _unshelve:
        shelve_server(cloud.control, ADMIN, server.id, "req-1")
        for _ in range(2):
            one.obey()
    if act is _evacuate:
        cloud.wait(60)
        two.report()
    else:
        hosts.set_enabled(cloud.control, ADMIN, "h1", enabled=False)
    make(cloud, "nobody", "h1", **{OWN: owner.project_id})  # so that it is no choice either

    with pytest.raises(BadInput, match="AggregateMultiTenancyIsolation"):
        act(cloud, server.id)
    aggregates.remove_host(cloud.control, ADMIN, str(theirs.id), "h2")
    act(cloud, server.id)


def test_a_project_is_kept_to_its_own_hosts_where_the_operator_limits_it(cloud: Cloud, owner: Caller) -> None:
    cloud.configure(limit_tenants_to_placement_aggregate=True, policy=Policy(frozenset()))
    cloud.host("h1")
    cloud.host("h2")
    make(cloud, "theirs", "h2", **{f"{OWN}3": owner.project_id})

    [own], [stranger] = cloud.boot("own", gpu=False, caller=owner), cloud.boot("any", gpu=False)
    assert (own.host_name, stranger.host_name) == ("h2", "h2"), "others may go there, as in Nova"

    hosts.set_enabled(cloud.control, ADMIN, "h2", enabled=False)
    [waiting] = cloud.boot("more", gpu=False, caller=owner)
    assert waiting.fault is not None and "TenantAggregateFilter excluded 1" in waiting.fault.message

    cloud.configure(placement_aggregate_required_for_tenants=True)
    [nowhere] = cloud.boot("nowhere", gpu=False)
    assert nowhere.fault is not None and "each project needs one" in nowhere.fault.message


def test_an_aggregate_without_hosts_keeps_its_project_from_all_where_it_is_limited(cloud: Cloud, owner: Caller) -> None:
    cloud.configure(limit_tenants_to_placement_aggregate=True)
    cloud.host("h1")
    make(cloud, "theirs", **{OWN: owner.project_id})
    [refused] = cloud.boot(gpu=False, caller=owner)
    assert refused.fault is not None and "TenantAggregateFilter excluded 1" in refused.fault.message


def test_a_plan_is_made_for_the_project_of_who_asks(cloud: Cloud, owner: Caller) -> None:
    cloud.host("h1")
    make(cloud, "theirs", "h1", **{OWN: owner.project_id})
    name = cloud.plain.name
    assert plan(cloud.control, owner, name).refusal is None
    refused = plan(cloud.control, ADMIN, name).refusal
    assert refused is not None and refused.hosts == {"AggregateMultiTenancyIsolation": 1}


def sized(cloud: Cloud) -> Host:
    cells = (HostCell(0, "0-7", 8, 32768, 0), HostCell(1, "8-15", 8, 32768, 1))
    return cloud.host("h1", resources=HostResources(16, 65536, 1000, cells=cells, acts=tuple(GuestAct)))


def test_the_smallest_ratio_of_a_hosts_aggregates_counts_and_the_configurations_without_one(cloud: Cloud) -> None:
    cloud.configure(cpu_allocation_ratio=2.0, reserved_host_memory_mb=0, disk_allocation_ratio=1.25)
    sized(cloud)
    before = state_of(cloud, "h1")
    first = make(cloud, "one", "h1", cpu_allocation_ratio="8", ram_allocation_ratio="1.5", disk_allocation_ratio="2")
    make(cloud, "two", "h1", cpu_allocation_ratio="4.5", max_instances_per_host="3")
    after = state_of(cloud, "h1")
    with cloud.control.db.read() as tx:
        shown = {n: each.allocation_ratio for n, each in read_trees(cloud.control, tx)[0].root.inventories.items()}
    aggregates.remove_host(cloud.control, ADMIN, str(first.id), "h1")
    then = state_of(cloud, "h1")

    def room(host: HostState) -> tuple[int, int, int, int]:
        return host.free_vcpus, host.free_ram_mb, host.free_disk_gb, host.free_servers

    assert room(before) == (32, 65536, 1250, 200)
    assert room(after) == (72, 98304, 2000, 3)
    assert [(cell.free_vcpus, cell.free_ram_mb) for cell in after.cells] == [(36, 49152), (36, 49152)]
    assert shown == {"VCPU": 4.5, "MEMORY_MB": 1.5, "DISK_GB": 2.0}
    assert room(then) == (72, 65536, 1250, 3)


def test_servers_are_refused_by_the_ratios_and_the_number_of_an_aggregate(cloud: Cloud) -> None:
    cloud.host("h1", resources=HostResources(1, 65536, 1000))
    limits = make(cloud, "one", "h1", cpu_allocation_ratio="1")
    cloud.boot("first", gpu=False)
    [full] = cloud.boot("second", gpu=False)
    aggregates.set_metadata(
        cloud.control, ADMIN, str(limits.id), {"cpu_allocation_ratio": None, "max_instances_per_host": "1"}
    )
    [many] = cloud.boot("third", gpu=False)
    aggregates.set_metadata(cloud.control, ADMIN, str(limits.id), {"max_instances_per_host": None})
    [fits] = cloud.boot("fourth", gpu=False)

    assert full.fault is not None and "CoreFilter excluded 1" in full.fault.message
    assert many.fault is not None and "NumInstancesFilter excluded 1" in many.fault.message
    assert fits.host_name == "h1"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("cpu_allocation_ratio", "many", "a number above 0"),
        ("cpu_allocation_ratio", "0", "a number above 0"),
        ("ram_allocation_ratio", "nan", "a number above 0"),
        ("ram_allocation_ratio", "1e400", "a number above 0"),
        ("disk_allocation_ratio", "-1", "a number above 0"),
        ("disk_allocation_ratio", "1001", "at most 1000"),
        ("max_instances_per_host", "0", "1 to 1000000"),
        ("max_instances_per_host", "2.5", "1 to 1000000"),
        ("filter_tenant_id", "", "an empty name is no project"),
        ("filter_tenant_id_2", "a,,b", "an empty name is no project"),
        ("filter_tenant_id", "admin", "names what is no project: admin"),
        ("max_io_ops_per_host", "8", "max_io_ops_per_host has no effect"),
        ("instance_type", "m1.small", "instance_type has no effect"),
        ("ram_weight_multiplier", "1", "ram_weight_multiplier has no effect"),
        ("trait:CUSTOM_GPU", "required", "trait:CUSTOM_GPU has no effect"),
        ("cpu_alocation_ratio", "2", "Did you mean cpu_allocation_ratio?"),
        ("filter_tennant_id", "x", "Did you mean filter_tenant_id?"),
    ],
)
def test_metadata_that_can_t_be_or_would_have_no_effect_is_refused_and_nothing_changes(
    cloud: Cloud, key: str, value: str, words: str
) -> None:
    made = make(cloud, "racks")
    with pytest.raises(BadInput) as caught:
        aggregates.set_metadata(cloud.control, ADMIN, str(made.id), {"gpu": "h100", key: value})
    assert words in str(caught.value) and caught.value.remedy and caught.value.code == "aggregate-metadata"
    assert aggregates.get_aggregate(cloud.control, ADMIN, str(made.id)).metadata == {}


def test_labels_of_ones_own_stay_free_and_any_key_may_be_taken_away(cloud: Cloud) -> None:
    labels = {"gpu": "h100", "ratio": "much", "instance_types": "x", "os_type": "windows", "weight": "1"}
    made = make(cloud, "racks", **labels)
    assert made.metadata == labels
    aggregates.set_metadata(cloud.control, ADMIN, str(made.id), {"instance_type": None, "trait:X": None})


def test_projects_are_not_named_where_nothing_would_look_at_them(cloud: Cloud, owner: Caller) -> None:
    cloud.configure(policy=Policy(frozenset()))
    made = make(cloud, "racks")
    with pytest.raises(BadInput, match="filter_tenant_id has no effect"):
        aggregates.set_metadata(cloud.control, ADMIN, str(made.id), {OWN: owner.project_id})
