"""Quotas hold: whatever is asked for and however many ask at once, a project never has more than it may."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.control import groups, keypairs, quotas
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.domain.errors import BadInput, Forbidden, OverQuota
from busway.domain.flavor import Flavor
from busway.domain.identity import DOMAIN_ID, Project
from busway.domain.ids import FlavorId, ProjectId
from busway.domain.limit import TWO_LEVELS
from busway.domain.quota import Usage, check_quota, usage_of
from busway.domain.requests import CreateServer
from busway.domain.server_group import GroupPolicy
from busway.store import projects
from busway.store import quotas as store
from tests.api.test_keypairs import PUBLIC
from tests.control.clouds import ADMIN, Cloud


def limit(cloud: Cloud, **limits: int) -> str:
    """Limits the admin's project; `_device` is the quota of alias a1."""
    named = {name.replace("_device", "pci_passthrough:a1"): number for name, number in limits.items()}
    with cloud.control.db.read() as tx:
        project = cloud.project(tx)
    quotas.set_quota(cloud.control, ADMIN, project.id, named, force=True)
    return project.id


@pytest.fixture
def owner(cloud: Cloud) -> Cloud:
    """A cloud whose servers belong to a project that exists."""
    with cloud.control.db.read() as tx:
        cloud.caller = replace(ADMIN, project_id=cloud.project(tx).id)
    return cloud


def create(cloud: Cloud, *, gpu: bool = False, count: int = 1) -> None:
    cloud.create(gpu=gpu, count=count, caller=cloud.caller)


def used(cloud: Cloud) -> Mapping[str, int]:
    return quotas.get_quota(cloud.control, ADMIN, cloud.caller.project_id).used


def test_without_a_limit_nothing_is_refused(owner: Cloud) -> None:
    create(owner, count=20)
    assert used(owner)["instances"] == 20


def test_one_more_than_the_limit_is_refused_with_the_numbers(owner: Cloud) -> None:
    limit(owner, instances=3, cores=3)
    create(owner, count=2)
    with pytest.raises(OverQuota) as caught:
        create(owner, count=2)
    assert caught.value.brief == "Quota exceeded for instances, cores"
    assert "Requested 2 instances, but already used 2 of 3. Requested 2 cores" in caught.value.detail
    assert "openstack quota set --instances N PROJECT" in caught.value.remedy
    create(owner)
    assert used(owner)["instances"] == 3


def test_devices_are_counted_by_alias(owner: Cloud) -> None:
    limit(owner, _device=2)
    create(owner, gpu=True, count=2)
    create(owner, count=5)
    with pytest.raises(OverQuota) as caught:
        create(owner, gpu=True)
    assert caught.value.brief == "Quota exceeded for pci_passthrough:a1"
    assert "busway quota set --project PROJECT pci_passthrough:a1=3" in caught.value.remedy
    assert used(owner)["pci_passthrough:a1"] == 2


def test_what_is_deleted_counts_no_more(owner: Cloud) -> None:
    limit(owner, instances=1)
    made = owner.create(gpu=False, caller=owner.caller)
    delete_server(owner.control, owner.caller, made[0].id, "req-d")
    create(owner)


def test_creates_at_once_in_two_projects_never_go_over_the_limit_of_their_domain(owner: Cloud) -> None:
    owner.configure(enforcement_model=TWO_LEVELS)
    other = replace(owner.caller, project_id=ProjectId("other"))
    with owner.control.db.write() as tx:
        projects.add_project(tx, Project(other.project_id, "other"))
        store.set_limits(tx, DOMAIN_ID, {"pci_passthrough:a1": 5})

    def attempt(number: int) -> bool:
        try:
            owner.create(gpu=True, caller=other if number % 2 else owner.caller)
        except OverQuota as error:
            assert "domain" in error.brief
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(attempt, range(16)))
    assert answers == {True: 5, False: 11}


def test_creates_at_once_never_go_over(owner: Cloud) -> None:
    limit(owner, _device=5)

    def attempt(_number: int) -> bool:
        try:
            create(owner, gpu=True)
        except OverQuota:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(attempt, range(16)))
    assert answers == {True: 5, False: 11}
    assert used(owner)["pci_passthrough:a1"] == 5


def test_groups_members_keys_and_metadata_have_limits_too(owner: Cloud) -> None:
    limit(owner, server_groups=1, server_group_members=2, key_pairs=1, metadata_items=1)
    group = groups.create_group(owner.control, owner.caller, "g", GroupPolicy.AFFINITY)
    with pytest.raises(OverQuota, match="server_groups"):
        groups.create_group(owner.control, owner.caller, "h", GroupPolicy.AFFINITY)
    members = CreateServer("s", owner.plain, owner.image, max_count=3, hints={"group": group.id})
    with pytest.raises(OverQuota, match="server_group_members"):
        create_servers(owner.control, owner.caller, members, "req")
    keypairs.import_keypair(owner.control, owner.caller, "one", PUBLIC)
    with pytest.raises(OverQuota, match="key_pairs"):
        keypairs.import_keypair(owner.control, owner.caller, "two", PUBLIC)
    described = CreateServer("s", owner.plain, owner.image, metadata={"a": "1", "b": "2"})
    with pytest.raises(OverQuota, match="metadata_items"):
        create_servers(owner.control, owner.caller, described, "req")


def test_a_project_s_own_limits_go_before_those_of_all(owner: Cloud) -> None:
    quotas.set_defaults(owner.control, ADMIN, {"instances": 1})
    create(owner)
    with pytest.raises(OverQuota):
        create(owner)
    project = limit(owner, instances=-1)
    create(owner, count=3)
    quotas.reset_quota(owner.control, ADMIN, project)
    assert quotas.get_quota(owner.control, ADMIN, project).limits["instances"] == 1


def test_what_can_not_be_meant_is_refused(owner: Cloud) -> None:
    project = limit(owner, instances=5)
    create(owner, count=2)
    with pytest.raises(BadInput, match="must be greater than or equal to already used 2"):
        quotas.set_quota(owner.control, ADMIN, project, {"instances": 1})
    with pytest.raises(BadInput, match="There is no quota pci_passthrough:typo"):
        quotas.set_quota(owner.control, ADMIN, project, {"pci_passthrough:typo": 1})
    with pytest.raises(BadInput, match="is not a valid project"):
        quotas.set_quota(owner.control, ADMIN, "nobody", {"instances": 1})
    with pytest.raises(BadInput, match="-2 is not a valid limit"):
        quotas.set_quota(owner.control, ADMIN, project, {"instances": -2})
    stranger = replace(ADMIN, roles=frozenset({"member"}))
    with pytest.raises(Forbidden):
        quotas.get_quota(owner.control, stranger, project)


def test_a_quota_is_read_without_images_where_nobody_asks_for_them(owner: Cloud) -> None:
    found = quotas.get_quota(owner.control, ADMIN, owner.caller.project_id, images=False)
    assert "instances" in found.limits and not any(name.startswith("image") for name in found.limits)


amounts = st.dictionaries(st.sampled_from(["instances", "cores", "pci_passthrough:a1"]), st.integers(-1, 9))


@given(amounts, st.lists(amounts, max_size=12))
def test_what_passes_never_adds_up_to_more_than_a_limit(limits: dict[str, int], requests: list[dict[str, int]]) -> None:
    total = Usage()
    for wanted in map(Usage, requests):
        try:
            check_quota(limits, total, wanted)
        except OverQuota:
            continue
        total += Usage({name: max(amount, 0) for name, amount in wanted.amounts.items()})
        assert all(total.of(name) <= most for name, most in limits.items() if most >= 0)


def test_a_resize_is_asked_for_the_difference() -> None:
    small = Flavor(FlavorId("s"), "s", 1024, 1, 1, extra_specs={"pci_passthrough:alias": "a1:1"})
    large = replace(small, vcpus=4, extra_specs={"pci_passthrough:alias": "a1:3,b1:1"})
    wanted = usage_of([large]) - usage_of([small])
    limits = {"instances": 1, "cores": 4, "pci_passthrough:a1": 3}
    check_quota(limits, usage_of([small]), wanted)
    with pytest.raises(OverQuota, match="cores"):
        check_quota({**limits, "cores": 3}, usage_of([small]), wanted)
