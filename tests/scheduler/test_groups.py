"""Server groups: hard ones exclude hosts, soft ones order them, and servers asked for together count each other."""

import pytest

from busway.domain.ids import GroupId, ServerId
from busway.domain.placement import Placement, PlacementRequest, Refusal, ServerGroup
from busway.domain.server_group import GroupPolicy
from busway.scheduler.place import place, place_all
from tests.scheduler.clouds import cloud, gpus, host, request

TOGETHER, APART = GroupPolicy.AFFINITY, GroupPolicy.ANTI_AFFINITY
HOSTS = (host("h1"), host("h2"), host("h3"))


def in_group(policy: GroupPolicy, *members: str, most: int = 1, count: int = 0, name: str = "s") -> PlacementRequest:
    group = ServerGroup(GroupId("g"), "g", policy, members, most)
    return request(count, group=group, server_id=ServerId(name))


def where(wanted: PlacementRequest) -> str:
    answer = place(cloud(*HOSTS), wanted)
    return answer.classes[0].rule if isinstance(answer, Refusal) else str(answer.host_id)


def spread(policy: GroupPolicy, servers: int, most: int = 1) -> list[str] | Refusal:
    answer = place_all(cloud(*HOSTS), [in_group(policy, most=most, name=f"s{n}") for n in range(servers)])
    return answer if isinstance(answer, Refusal) else [str(each.host_id) for each in answer]


@pytest.mark.parametrize(
    ("policy", "members", "found"),
    [
        (GroupPolicy.SOFT_AFFINITY, (), "h1"),
        (GroupPolicy.SOFT_AFFINITY, ("h2",), "h2"),
        (GroupPolicy.SOFT_AFFINITY, ("h2", "h3", "h3"), "h3"),
        (GroupPolicy.SOFT_AFFINITY, ("gone",), "h1"),
        (GroupPolicy.SOFT_ANTI_AFFINITY, ("h1",), "h2"),
        (GroupPolicy.SOFT_ANTI_AFFINITY, ("h1", "h2", "h2", "h3"), "h1"),
    ],
)
def test_a_soft_group_orders_the_hosts(policy: GroupPolicy, members: tuple[str, ...], found: str) -> None:
    assert where(in_group(policy, *members)) == found


def test_a_soft_group_goes_before_the_devices_and_excludes_nothing() -> None:
    split = gpus("h1", 2)
    there = cloud(host("h1", split), host("h2", gpus("h2", 1)))
    one = place(there, in_group(GroupPolicy.SOFT_AFFINITY, "h1", count=1))
    two = place(there, in_group(GroupPolicy.SOFT_ANTI_AFFINITY, "h1", count=2))
    assert [answer.host_id for answer in (one, two) if isinstance(answer, Placement)] == ["h1", "h1"]


def test_anti_affinity_allows_as_many_on_a_host_as_its_rule_says() -> None:
    assert where(in_group(APART, "h1", most=2)) == "h1"
    assert where(in_group(APART, "h1", "h1", most=2)) == "h2"


def test_a_forced_host_goes_before_the_group() -> None:
    wanted = request(0, host="h2", group=ServerGroup(GroupId("g"), "g", TOGETHER, ("h1",)))
    assert where(wanted) in ("ForcedHost", "ServerGroupAffinityFilter")


def test_servers_that_are_asked_for_together_count_each_other() -> None:
    assert spread(APART, 3) == ["h1", "h2", "h3"]
    assert spread(APART, 4, most=2) == ["h1", "h1", "h2", "h2"]
    assert spread(TOGETHER, 3) == ["h1", "h1", "h1"]
    assert spread(GroupPolicy.SOFT_ANTI_AFFINITY, 4) == ["h1", "h2", "h3", "h1"]


def test_more_servers_than_hosts_are_refused_with_the_number_that_fits() -> None:
    answer = spread(APART, 4)
    assert isinstance(answer, Refusal)
    assert (answer.fitting, answer.classes[0].rule) == (3, "ServerGroupAntiAffinityFilter")
    told = [str(remedy) for remedy in answer.remedies]
    assert "ask for 3 servers at once" in told
    assert "leave server group g out" in told
