"""Whose servers a host takes, by what its aggregates say: no server lands where that forbids it, and no rule forbids more."""

import pytest
from hypothesis import given

from busway.domain.placement import HostState, Placement, PlacementRequest, Refusal, Snapshot
from busway.scheduler.explain import explain
from busway.scheduler.filters.tenant import ISOLATION, OWN_HOSTS
from busway.scheduler.place import place
from busway.scheduler.policy import CHOOSABLE, Policy
from tests.scheduler.clouds import cloud, host, request
from tests.scheduler.generated import ALL_ON, requests, snapshots

_OF_P1, _OF_P2 = frozenset({"p1"}), frozenset({"p2"})


def takes(there: HostState, project: str | None) -> bool:
    """The two rules, said plainly."""
    if project is None:
        return True
    kept_for_others = bool(there.projects) and project not in there.projects
    must_be_named = there.elsewhere is None or project in there.elsewhere
    return not kept_for_others and (project in there.projects or not must_be_named)


@pytest.mark.thorough
@given(snapshots(least=1), requests)
def test_a_server_lands_only_where_its_project_may_and_no_other_host_is_refused_for_it(
    snapshot: Snapshot, wanted: PlacementRequest
) -> None:
    answer = place(snapshot, wanted, ALL_ON)
    by_name = {each.name: each for each in snapshot.hosts}
    if isinstance(answer, Placement):
        [there] = [each for each in snapshot.hosts if each.id == answer.host_id]
        assert takes(there, wanted.project)
    else:
        for refusal in answer.hosts:
            if refusal.rule in (ISOLATION, OWN_HOSTS):
                assert not takes(by_name[refusal.host], wanted.project)


def test_hosts_of_one_project_are_not_for_another_and_its_user_does_not_read_whose_they_are() -> None:
    own, anybody = host("h1", projects=_OF_P1), host("h2")
    mine, theirs = request(0, project="p1"), request(0, project="p2")

    assert place(cloud(own), mine) == place(cloud(host("h1")), mine)
    refused = place(cloud(own), theirs)
    both = place(cloud(own, anybody), theirs)

    assert isinstance(refused, Refusal) and isinstance(both, Placement)
    assert (refused.hosts[0].rule, both.host_id) == (ISOLATION, "h2")
    assert "p1" not in str(explain(refused))
    assert "name project p2 in filter_tenant_id of an aggregate of host h1" in explain(refused).remedy


def test_a_named_host_is_no_way_around_it() -> None:
    refused = place(cloud(host("h1", projects=_OF_P1)), request(0, project="p2", host="h1"))
    assert isinstance(refused, Refusal)
    assert refused.count_by_rule() == {ISOLATION: 1}


def test_a_device_more_for_a_server_that_is_there_asks_for_no_right_to_the_host() -> None:
    assert isinstance(place(cloud(host("h1", projects=_OF_P1, elsewhere=None)), request(0, project=None)), Placement)


@pytest.mark.parametrize(
    ("elsewhere", "words"), [(_OF_P2, "and others do"), (None, "and each project needs one")], ids=["named", "all"]
)
def test_a_project_that_has_hosts_of_its_own_gets_no_others_whatever_filters_are_on(
    elsewhere: frozenset[str] | None, words: str
) -> None:
    others, own = host("h1", elsewhere=elsewhere), host("h2", projects=_OF_P2)
    nothing = Policy(filters=frozenset(CHOOSABLE) - {ISOLATION})
    wanted = request(0, project="p2")

    refused, placed = place(cloud(others), wanted, nothing), place(cloud(others, own), wanted, nothing)

    assert isinstance(refused, Refusal) and isinstance(placed, Placement)
    assert (refused.hosts[0].rule, placed.host_id) == (OWN_HOSTS, "h2")
    assert refused.hosts[0].reason.endswith(words)
    assert [str(each) for each in refused.remedies] == [
        "name project p2 in filter_tenant_id of an aggregate of host h1"
    ]


def test_a_new_host_would_need_an_aggregate_too() -> None:
    refused = place(cloud(host("h1", elsewhere=_OF_P2, free_ram_mb=1, free_disk_gb=0)), request(0, project="p2"))
    assert isinstance(refused, Refusal)
    assert "add a host with an aggregate of filter_tenant_id=p2" in str(refused.remedies[-1])
