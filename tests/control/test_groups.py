"""Server groups from the user's hint to the hosts of their servers."""

from dataclasses import replace

import pytest

from busway.control import groups
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.verify import confirm_resize
from busway.control.placement import place
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.read import list_servers
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, NotFound
from busway.domain.ids import FlavorId, ServerId
from busway.domain.requests import CreateServer, ServerFilter
from busway.domain.server import Server, ServerStatus
from busway.domain.server_group import Group, GroupPolicy
from tests.control.clouds import ADMIN, USER, Cloud


@pytest.fixture
def two_hosts(cloud: Cloud) -> Cloud:
    cloud.host("h1", count=2)
    cloud.host("h2", count=2)
    return cloud


def make(cloud: Cloud, policy: GroupPolicy, most: int | None = None) -> Group:
    return groups.create_group(cloud.control, ADMIN, "g", policy, most)


def boot(cloud: Cloud, group: Group, count: int = 1, name: str = "s") -> list[Server]:
    request = CreateServer(name, cloud.plain, cloud.image, max_count=count, hints={"group": group.id})
    made = create_servers(cloud.control, ADMIN, request, f"req-{name}")
    place.place_round(cloud.control)
    return [cloud.server(each.id) for each in made]


def hosts_of(found: list[Server]) -> list[str | None]:
    return [server.host_name for server in found]


def test_servers_of_one_request_are_kept_apart(two_hosts: Cloud) -> None:
    group = make(two_hosts, GroupPolicy.ANTI_AFFINITY)
    assert hosts_of(boot(two_hosts, group, 2)) == ["h1", "h2"]
    third = boot(two_hosts, group, name="third")[0]
    assert third.status is ServerStatus.ERROR
    assert third.fault is not None
    assert "ServerGroupAntiAffinityFilter excluded 2" in third.fault.message
    assert "leave server group g out" in third.fault.message


def test_as_many_on_a_host_as_the_rule_allows(two_hosts: Cloud) -> None:
    group = make(two_hosts, GroupPolicy.ANTI_AFFINITY, 2)
    assert sorted(str(host) for host in hosts_of(boot(two_hosts, group, 4))) == ["h1", "h1", "h2", "h2"]


def test_servers_of_later_requests_are_kept_together(two_hosts: Cloud) -> None:
    group = make(two_hosts, GroupPolicy.AFFINITY)
    first, second = boot(two_hosts, group, name="a")[0], boot(two_hosts, group, name="b")[0]
    assert first.host_name == second.host_name
    assert groups.get_group(two_hosts.control, ADMIN, group.id).members == (first.id, second.id)


def test_requests_of_one_round_see_each_other_s_servers(two_hosts: Cloud) -> None:
    group = make(two_hosts, GroupPolicy.ANTI_AFFINITY)
    made: list[ServerId] = []
    for name in ("a", "b"):
        request = CreateServer(name, two_hosts.plain, two_hosts.image, hints={"group": group.id})
        made += [each.id for each in create_servers(two_hosts.control, ADMIN, request, f"req-{name}")]
    place.place_round(two_hosts.control)
    assert {two_hosts.server(each).host_name for each in made} == {"h1", "h2"}


def test_a_deleted_server_is_no_member_and_gives_its_host_back(two_hosts: Cloud) -> None:
    group = make(two_hosts, GroupPolicy.ANTI_AFFINITY)
    first, _ = boot(two_hosts, group, 2)
    delete_server(two_hosts.control, ADMIN, first.id, "req-d")
    assert boot(two_hosts, group, name="next")[0].host_name == first.host_name


def test_a_group_of_another_project_is_not_found(cloud: Cloud) -> None:
    group = make(cloud, GroupPolicy.AFFINITY)
    with pytest.raises(NotFound):
        groups.get_group(cloud.control, USER, group.id)
    request = CreateServer("s", cloud.plain, cloud.image, hints={"group": group.id})
    with pytest.raises(BadInput, match=f"Instance group {group.id} could not be found"):
        create_servers(cloud.control, USER, request, "req")
    assert list_servers(cloud.control, USER, ServerFilter()) == []


def test_only_anti_affinity_has_a_number_per_host(cloud: Cloud) -> None:
    with pytest.raises(BadInput, match="max_server_per_host can't be used with the policy soft-affinity"):
        make(cloud, GroupPolicy.SOFT_AFFINITY, 2)


def test_a_deleted_group_leaves_its_servers(two_hosts: Cloud) -> None:
    group = make(two_hosts, GroupPolicy.AFFINITY)
    server = boot(two_hosts, group)[0]
    groups.delete_group(two_hosts.control, ADMIN, group.id)
    assert groups.list_groups(two_hosts.control, ADMIN) == []
    assert two_hosts.server(server.id).host_name == server.host_name


def test_hints_of_servers_of_the_same_project_are_heeded(two_hosts: Cloud) -> None:
    def boot_hinted(name: str, caller: Caller = ADMIN, **hints: object) -> Server:
        request = CreateServer(name, two_hosts.plain, two_hosts.image, hints=hints)
        [made] = create_servers(two_hosts.control, caller, request, f"req-{name}")
        place.place_round(two_hosts.control)
        return two_hosts.server(made.id)

    first = boot_hinted("a")
    apart = boot_hinted("b", different_host=first.id)

    assert (first.host_name, apart.host_name) == ("h1", "h2")
    assert boot_hinted("c", same_host=[apart.id]).host_name == "h2"
    assert boot_hinted("d", different_host=[first.id, apart.id]).status is ServerStatus.ERROR
    assert boot_hinted("e", USER, same_host=first.id).status is ServerStatus.ERROR, "of another project"
    assert boot_hinted("f", USER, different_host=apart.id).host_name == "h2", "of another project"


def test_a_server_that_moves_counts_on_both_of_its_hosts_for_those_that_are_kept_apart(cloud: Cloud) -> None:
    hosts = [cloud.host(name) for name in ("h1", "h2", "h3")]
    group = make(cloud, GroupPolicy.ANTI_AFFINITY)
    one, two = boot(cloud, group, 2)
    for host in hosts:
        host.obey()

    migrate_server(cloud.control, ADMIN, one.id, "req-m")

    with pytest.raises(BadInput, match="No valid host"):  # the third host is the target of the other
        migrate_server(cloud.control, ADMIN, two.id, "req-m")
    for _ in range(3):
        for host in hosts:
            host.obey()
    assert cloud.server(one.id).status is ServerStatus.VERIFY_RESIZE
    with pytest.raises(BadInput, match="No valid host"):  # to its first host the other may go back
        migrate_server(cloud.control, ADMIN, two.id, "req-m")
    confirm_resize(cloud.control, ADMIN, one.id, "req-c")
    migrate_server(cloud.control, ADMIN, two.id, "req-m")


def test_a_server_that_is_resized_in_place_counts_once(cloud: Cloud) -> None:
    host = cloud.host("h1")
    group = make(cloud, GroupPolicy.ANTI_AFFINITY, 2)
    [one] = boot(cloud, group)
    host.obey()
    larger = replace(cloud.plain, id=FlavorId("larger"), vcpus=cloud.plain.vcpus + 1)
    resize_server(cloud.control, ADMIN, one.id, larger, "req-r")
    assert hosts_of(boot(cloud, group, name="two")) == ["h1"]
