"""Limits of domains and projects, and what the projects of a domain have together, on both databases."""

import pytest

from busway.domain.identity import Project, new_domain
from busway.domain.ids import ProjectId
from busway.store import groups, images, kept_devices, networks, ports, projects, quotas, security_groups, servers
from busway.store.database import Database
from busway.store.quotas import LimitFilter


@pytest.fixture
def lab(database: Database) -> Database:
    """A domain with the projects a and b, and a domain with the project c; each project has a limit of cores but c."""
    with database.write() as tx:
        for domain in ("lab", "other"):
            projects.add_project(tx, new_domain(domain, domain))
        for name, domain in (("a", "lab"), ("b", "lab"), ("c", "other")):
            projects.add_project(tx, Project(ProjectId(name), name, domain_id=domain, parent_id=domain))
        for owner, cores in (("lab", 9), ("a", 3), ("b", 5), ("other", 1), (quotas.EVERYBODY, 20)):
            quotas.set_limits(tx, owner, {"cores": cores})
    return database


def owners(database: Database, wanted: LimitFilter) -> set[str]:
    with database.read() as tx:
        return {limit.owner for limit in quotas.list_limits_of_owners(tx, wanted)}


def test_a_list_tells_domains_from_projects(lab: Database) -> None:
    assert owners(lab, LimitFilter()) == {"lab", "other", "a", "b"}
    assert owners(lab, LimitFilter(domain_id="lab")) == {"lab"}
    assert owners(lab, LimitFilter(project_id="lab")) == owners(lab, LimitFilter(domain_id="a")) == set()
    assert owners(lab, LimitFilter(within="lab")) == {"lab", "a", "b"}


def test_no_limit_is_the_highest_of_a_domains_projects(lab: Database) -> None:
    with lab.write() as tx:
        before = quotas.find_highest_within(tx, "lab", "cores")
        quotas.set_limits(tx, "a", {"cores": -1})
        after = quotas.find_highest_within(tx, "lab", "cores")
        none = quotas.find_highest_within(tx, "other", "cores")

    assert before is not None and (before.owner, before.limit) == ("b", 5)
    assert after is not None and (after.owner, after.limit) == ("a", -1)
    assert none is None


def test_limits_go_with_their_domain(lab: Database) -> None:
    with lab.write() as tx:
        quotas.forget_limits_within(tx, "lab")

    assert owners(lab, LimitFilter()) == {"other"}


def test_a_project_has_its_domain(lab: Database) -> None:
    with lab.read() as tx:
        found = projects.find_domain_of(tx, "b")
        assert found is not None and found.id == "lab"
        assert projects.find_domain_of(tx, "none") is None


def test_what_a_domain_has_is_counted_together(lab: Database) -> None:
    with lab.read() as tx:
        all_ = projects.ids_in_domain("lab")
        counts = [
            groups.count_groups(tx, all_),
            images.count_images(tx, all_),
            images.sum_sizes(tx, all_),
            images.sum_sizes(tx, all_, is_staged=True),
            ports.count_ports(tx, all_),
            security_groups.count_groups(tx, all_),
            security_groups.count_rules(tx, all_),
            *networks.count_owned(tx, all_),
        ]
        assert kept_devices.count_kept(tx, all_) == {} and servers.list_flavors_in_use(tx, all_) == []

    assert counts == [0] * 9
