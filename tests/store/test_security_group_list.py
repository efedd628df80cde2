"""Pages of security groups and of rules, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from busway.domain.errors import BadInput
from busway.domain.ids import ProjectId, SecurityGroupId
from busway.domain.security_group import SecurityGroup, SecurityRule
from busway.store.database import Database
from busway.store.network_list import NetworkFilter
from busway.store.security_group_list import list_group_page, list_rule_page
from busway.store.security_groups import add_group

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PREFIXES = (None, "10.0.0.9/24", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/16")


def _group(n: int) -> SecurityGroup:
    group_id, created = SecurityGroupId(f"group{n}"), NOON + timedelta(seconds=n)
    rules = tuple(
        SecurityRule(
            f"rule{n}{place}", group_id, "ingress", "IPv4", created, "tcp" if place else None, place or None, place or None, prefix
        )
        for place, prefix in enumerate(PREFIXES)
    )  # fmt: skip
    return SecurityGroup(group_id, ProjectId(f"project{n % 2}"), f"g{n % 3}", created, "", rules)


@pytest.fixture
def groups(database: Database) -> Database:
    with database.write() as tx:
        for n in range(6):
            add_group(tx, _group(n))
    return database


def _rules(database: Database, wanted: NetworkFilter) -> list[str]:
    with database.read() as tx:
        return [rule.id for _, rule in list_rule_page(tx, wanted)]


def test_pages_hold_every_group_of_a_project_once(groups: Database) -> None:
    found: list[str] = []
    with groups.read() as tx:
        while page := list_group_page(
            tx,
            NetworkFilter(
                project_id=ProjectId("project1"),
                sort=(("name", True),),
                limit=2,
                marker=found[-1] if found else None,
            ),
        ):
            found += [group.id for group in page]

    assert found == ["group5", "group1", "group3"]


def test_an_offset_leaves_rows_out(groups: Database) -> None:
    with groups.read() as tx:
        found = list_group_page(tx, NetworkFilter(offset=4, limit=5))

    assert [group.id for group in found] == ["group4", "group5"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("key", ["port_range_min", "protocol", "remote_ip_prefix", "project_id", "direction"])
def test_pages_by_any_key_hold_every_rule_once(groups: Database, key: str, backwards: bool) -> None:
    order = ((key, False),)
    whole = _rules(groups, NetworkFilter(sort=order))
    found: list[str] = []
    while True:
        marker = (found[0] if backwards else found[-1]) if found else None
        page = _rules(groups, NetworkFilter(sort=order, limit=4, marker=marker, backwards=backwards))
        if not page:
            break
        found = page + found if backwards else found + page

    assert found == whole
    assert len(set(whole)) == 6 * len(PREFIXES)


def test_a_rule_is_found_by_the_network_of_its_prefix_whoever_wrote_it(groups: Database) -> None:
    equal = {"normalized_cidr": {"10.0.0.0/24"}, "project_id": {"project0"}}

    assert _rules(groups, NetworkFilter(equal)) == ["rule01", "rule02", "rule21", "rule22", "rule41", "rule42"]
    assert _rules(groups, NetworkFilter(equal, limit=2, marker="rule02")) == ["rule21", "rule22"]
    assert _rules(groups, NetworkFilter({"normalized_cidr": {""}}, limit=2)) == ["rule00", "rule10"]


def test_a_marker_of_another_project_is_none(groups: Database) -> None:
    with pytest.raises(BadInput, match="marker"):
        _rules(groups, NetworkFilter(project_id=ProjectId("project0"), marker="rule10"))
