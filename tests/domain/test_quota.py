"""Quotas: what a request adds, whether it fits, and the same resources under Keystone's names."""

import pytest

from busway.domain.errors import OverQuota
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId
from busway.domain.limit import counted_as, quota_of
from busway.domain.quota import DEFAULTS, OF_NETWORKS, Usage, adds_up, check_quota, usage_of

SPECS = {"pci_passthrough:alias": "a1:2,b2:1", "resources:VGPU": "1"}
FLAVOR = Flavor(FlavorId("f"), "f", ram_mb=512, vcpus=2, disk_gb=0, extra_specs=SPECS)


def test_a_request_counts_servers_cores_memory_devices_and_parts_of_devices() -> None:
    wanted = {"instances": 2, "cores": 4, "ram": 1024, "pci_passthrough:a1": 4, "pci_passthrough:b2": 2}
    assert usage_of([FLAVOR, FLAVOR]).amounts == wanted | {"resources:VGPU": 2}


@pytest.mark.parametrize("specs", [{"pci_passthrough:alias": "nonsense"}, {"resources:VGPU": "many"}])
def test_a_flavor_that_no_server_could_have_counts_no_devices(specs: dict[str, str]) -> None:
    broken = Flavor(FlavorId("f"), "f", ram_mb=512, vcpus=2, disk_gb=0, extra_specs=specs)
    assert set(usage_of([broken]).amounts) == {"instances", "cores", "ram"}


def test_usage_is_added_and_subtracted_by_resource() -> None:
    one, two = Usage({"cores": 3}), Usage({"cores": 1, "ram": 5})
    assert ((one + two).amounts, (one - two).of("cores"), one.of("ram")) == ({"cores": 4, "ram": 5}, 2, 0)


@pytest.mark.parametrize(
    ("limits", "used", "wanted"),
    [
        ({"cores": 4}, 2, 2),
        ({"cores": -1}, 900, 900),
        ({}, 900, 900),
        ({"cores": 1}, 5, 0),  # nothing is added, though there is too much already
        ({"cores": 1}, 5, -2),
    ],
)
def test_what_stays_within_its_limit_or_adds_nothing_fits(limits: dict[str, int], used: int, wanted: int) -> None:
    check_quota(limits, Usage({"cores": used}), Usage({"cores": wanted}))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cores", "openstack quota set --cores"),
        ("metadata_items", "openstack quota set --properties"),
        ("image_count_total", "busway quota set --project PROJECT image_count_total=2"),
        ("pci_passthrough:a1", "busway quota set --project PROJECT pci_passthrough:a1=2"),
    ],
)
def test_what_goes_over_is_refused_with_the_numbers_and_the_way_to_raise_the_limit(name: str, words: str) -> None:
    with pytest.raises(OverQuota, match=f"Quota exceeded for {name}") as refused:
        check_quota({name: 1}, Usage({name: 1}), Usage({name: 1}))
    assert f"Requested 1 {name}, but already used 1 of 1" in refused.value.detail
    assert words in (refused.value.remedy or "")


def test_the_limit_of_a_domain_is_named_as_one() -> None:
    with pytest.raises(OverQuota, match="in domain acme") as refused:
        check_quota({"ram": 1}, Usage(), Usage({"ram": 2}), "acme")
    assert "share its limits" in refused.value.detail


def test_a_domain_has_limits_of_what_is_a_sum_over_its_projects_only() -> None:
    assert adds_up("cores") and adds_up("port") and adds_up("resources:VGPU") and adds_up("pci_passthrough:a1")
    assert not any(adds_up(name) for name in ("key_pairs", "metadata_items", "server_group_members"))


@pytest.mark.parametrize("quota", [*DEFAULTS, *OF_NETWORKS, "resources:VGPU", "pci_passthrough:a1"])
def test_each_quota_is_one_resource_of_one_service_and_back(quota: str) -> None:
    counted = counted_as(quota)
    assert quota_of(counted.service, counted.name) == quota
    assert len(counted.id) == 32 and counted.id == counted_as(quota).id


def test_a_name_that_is_no_resource_is_no_quota() -> None:
    assert (quota_of("compute", "wheels"), quota_of("image", "wheels")) == ("", "wheels")
