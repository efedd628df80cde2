"""What flavors ask for by resource class."""

import pytest

from busway.domain.errors import InvalidExtraSpec
from busway.domain.extra_spec import check_extra_specs
from busway.domain.resource_request import (
    GroupRule,
    ResourceRequest,
    ResourceRequests,
    check_resources,
    parse_resources,
)


@pytest.mark.parametrize(
    ("specs", "wanted"),
    [
        ({}, ResourceRequests()),
        ({"resources:VGPU": "1"}, ResourceRequests((ResourceRequest("VGPU", 1),))),
        (
            {"resources1:VGPU": "2", "resources_b:CUSTOM_A16": "1", "group_policy": "isolate"},
            ResourceRequests(
                (ResourceRequest("VGPU", 2, "1"), ResourceRequest("CUSTOM_A16", 1, "_b")), GroupRule.ISOLATE
            ),
        ),
        ({"resources:VCPU": "0", "resources:MEMORY_MB": "0", "hw:numa_nodes": "1"}, ResourceRequests()),
    ],
)
def test_classes_of_devices_are_read_and_others_are_novas_own(specs: dict[str, str], wanted: ResourceRequests) -> None:
    check_extra_specs(specs)
    assert parse_resources(specs) == wanted


@pytest.mark.parametrize(
    "specs",
    [
        {"resources:VGPU": "0"},
        {"resources:VGPU": "-1"},
        {"resources:VGPU": "one"},
        {"resources:VGPU": "٣"},
        {"resources:VGPU": "65"},
        {"resources1:VGPU": "1", "resources1:CUSTOM_X": "1"},
        {"resources:VGPU": "1", "group_policy": "apart"},
        {f"resources{number}:VGPU": "1" for number in range(17)},
    ],
)
def test_what_no_boot_could_read_is_refused_when_it_is_set(specs: dict[str, str]) -> None:
    with pytest.raises(InvalidExtraSpec) as caught:
        check_extra_specs(specs)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "more",
    [
        {"trait1:HW_GPU_API_VULKAN": "required"},
        {"trait1:CUSTOM_FAST": "required"},
        {"hw:pci_numa_affinity_policy": "required"},
        {"hw:pci_numa_affinity_policy": "socket"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_nobody_looks_at_for_instances_is_refused_and_not_ignored(more: dict[str, str]) -> None:
    with pytest.raises(InvalidExtraSpec) as caught:
        check_resources({"resources:VGPU": "1", **more})

    assert caught.value.detail and caught.value.remedy
    assert not check_resources(more).groups  # without instances it is no business of theirs


def test_an_images_policy_is_asked_as_well_and_the_flavors_goes_before_it() -> None:
    vgpu = {"resources:VGPU": "1"}

    with pytest.raises(InvalidExtraSpec, match="required can't be promised"):
        check_resources(vgpu, "required")
    assert check_resources(vgpu | {"hw:pci_numa_affinity_policy": "preferred"}, "required").groups
    assert check_resources(vgpu, "legacy").groups
