"""Words of flavors and images become a machine, or are refused with the reason."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from busway.domain.dedicated_cpus import ThreadPolicy
from busway.domain.errors import BadInput, BuswayError, Forbidden, InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import (
    PLAIN,
    Machine,
    MachineWord,
    check_machine_specs,
    cpu_threads,
    machine_of,
    shared_vcpus,
)
from busway.domain.guest_machine.words import IGNORED, REFUSED, SERVED
from busway.domain.ids import FlavorId

FLAVOR = Flavor(FlavorId("f"), "gpu", 8192, 4, 20)


def machine(specs: Mapping[str, str] | None = None, properties: Mapping[str, str] | None = None) -> Machine:
    return machine_of(replace(FLAVOR, extra_specs=specs or {}), properties or {})


def test_words_that_say_nothing_of_the_machine_leave_it_plain() -> None:
    assert (
        machine(
            {"pci_passthrough:alias": "a1:1", "hw:numa_nodes": "2"},
            {"hw_architecture": "x86_64", "os_distro": "debian"},
        )
        == PLAIN
    )
    assert PLAIN.needs == ()


def test_a_uefi_machine_with_secure_boot_and_a_tpm_needs_a_host_that_has_them() -> None:
    found = machine({"hw:tpm_version": "2.0"}, {"hw_firmware_type": "uefi", "os_secure_boot": "required"})

    assert (found.firmware, found.secure_boot, found.tpm) == ("uefi", True, "2.0")
    assert found.needs == ("machine", "uefi", "secure-boot", "tpm-2.0")


@pytest.mark.parametrize(
    ("specs", "properties", "wanted"),
    [
        ({"hw:maxphysaddr_mode": "emulate", "hw:maxphysaddr_bits": "42"}, {}, {"address_mode": "emulate", "address_bits": 42}),
        ({"hw:cpu_sockets": "1"}, {}, {"topology": (1, 4, 1)}),
        ({"hw:cpu_threads": "2"}, {}, {"topology": (2, 1, 2)}),
        ({"hw:hide_hypervisor_id": "true"}, {}, {"hide_hypervisor": True}),
        ({"hide_hypervisor_id": "true"}, {}, {"hide_hypervisor": True}),
        ({}, {"img_hide_hypervisor_id": "yes"}, {"hide_hypervisor": True}),
        ({"hw:pmu": "false"}, {}, {"pmu": False}),
        ({"hw:viommu_model": "auto"}, {}, {"viommu": "intel"}),
        ({"hw:watchdog_action": "disabled"}, {}, {}),
        ({"hw:watchdog_action": "reset"}, {"hw_watchdog_action": "reset"}, {"watchdog": "reset"}),
        ({"hw_rng:allowed": "False"}, {}, {"rng": False}),
        ({"hw_rng:rate_bytes": "2048", "hw_rng:rate_period": "500"}, {}, {"rng_bytes": 2048, "rng_period": 500}),
        ({"hw:serial_port_count": "2"}, {}, {"serial_ports": 2}),
        ({"hw_video:ram_max_mb": "64"}, {"hw_video_model": "vga", "hw_video_ram": "32"}, {"video": "vga", "video_ram_mb": 32}),
        ({}, {"hw_machine_type": "pc-q35-7.2"}, {"machine_type": "pc-q35-7.2"}),
        ({}, {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}, {"disk_bus": "scsi"}),
        ({}, {"hw_qemu_guest_agent": "yes"}, {"guest_agent": True}),
        (
            {},
            {"hw_qemu_guest_agent": "yes", "os_require_quiesce": "yes"},
            {"guest_agent": True, "quiesce": True},
        ),
        ({"hw:vif_multiqueue_enabled": "true"}, {}, {"multiqueue": True}),
        ({"hw:numa_nodes": "2", "busway:pci_topology": "mirror"}, {}, {"mirror": True}),
        ({"busway:hotplug_ports": "4"}, {}, {"hotplug_ports": 4}),
        ({"busway:hotplug_window": "64"}, {}, {"hotplug_window_mb": 64}),
        ({}, {"busway_hotplug_ports": "0"}, {"hotplug_ports": 0}),
    ],
)  # fmt: skip
def test_each_word_has_its_effect(
    specs: Mapping[str, str], properties: Mapping[str, str], wanted: dict[str, object]
) -> None:
    assert machine(specs, properties) == replace(PLAIN, **wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("specs", "properties", "error", "words"),
    [
        ({"hw:viommu_model": "smmuv3"}, {}, InvalidExtraSpec, "it may be auto, intel, virtio"),
        ({"hw:watchdog": "reset"}, {}, InvalidExtraSpec, "did you mean hw:watchdog_action?"),
        ({"busway:pci_topology": "mirror"}, {}, InvalidExtraSpec, "set hw:numa_nodes"),
        ({"busway:hotplug_ports": "17"}, {}, InvalidExtraSpec, "it may be 0 to 16"),
        ({"busway:hotplug_window": "48"}, {}, InvalidExtraSpec, "power of 2"),
        ({}, {"busway_hotplug_ports": "many"}, BadInput, "it may be 0 to 16"),
        ({"hw:cpu_policy": "mixed"}, {}, InvalidExtraSpec, "needs hw:cpu_dedicated_mask"),
        ({"hw:cpu_policy": "dedicated", "hw:cpu_dedicated_mask": "1"}, {}, InvalidExtraSpec, "needs hw:cpu_policy=mixed"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "x"}, {}, InvalidExtraSpec, "not a list of CPUs"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0-3"}, {}, InvalidExtraSpec, "must leave some"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "9"}, {}, InvalidExtraSpec, "must leave some"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0-99"}, {}, InvalidExtraSpec, "names no CPU"),
        ({"resources:PCPU": "3"}, {}, InvalidExtraSpec, "it must be 4"),
        ({"resources:PCPU": "4", "hw:emulator_threads_policy": "isolate"}, {}, InvalidExtraSpec, "it must be 5"),
        ({"resources:PCPU": "4", "hw:cpu_policy": "dedicated"}, {}, InvalidExtraSpec, "one of the two"),
        ({"resources:PCPU": "4", "resources1:VCPU": "4"}, {}, InvalidExtraSpec, "exclude each other"),
        ({"hw:cpu_thread_policy": "prefer"}, {}, InvalidExtraSpec, "needs hw:cpu_policy=dedicated"),
        ({}, {"hw_emulator_threads_policy": "share"}, BadInput, "needs hw:cpu_policy=dedicated"),
        ({"hw:emulator_threads_policy": "isolate"}, {}, InvalidExtraSpec, "needs hw:cpu_policy=dedicated"),
        ({"hw:cpu_policy": "dedicated"}, {"hw_cpu_policy": "shared"}, Forbidden, "hw_cpu_policy=shared"),
        ({"hw:mem_page_size": "huge"}, {}, InvalidExtraSpec, "it may be small, any, large or a size such as 2MB"),
        ({}, {"hw_mem_page_size": "4"}, BadInput, "huge pages have 2 MB or more"),
        ({"hw:serial_port_count": "5"}, {}, InvalidExtraSpec, "it may be 1 to 4"),
        ({"hw:pmu": "maybe"}, {}, InvalidExtraSpec, "it may be true or false"),
        ({"hw:cpu_cores": "3"}, {}, InvalidExtraSpec, "are not the flavor's 4"),
        ({"hw:mem_encryption": "true"}, {}, InvalidExtraSpec, "there are no confidential guests"),
        ({}, {"hw_machine_type": "pc"}, BadInput, "devices need PCI Express"),
        ({}, {"hw_firmwaretype": "uefi"}, BadInput, "did you mean hw_firmware_type?"),
        ({}, {"hw_video_model": "vga", "hw_video_ram": "32"}, BadInput, "the flavor permits 0 MB"),
        ({}, {"os_secure_boot": "required"}, BadInput, "needs hw_firmware_type=uefi"),
        ({"hw:maxphysaddr_mode": "emulate"}, {}, BadInput, "needs the bits"),
        ({"hw:tpm_version": "1.2", "hw:tpm_model": "tpm-crb"}, {}, BadInput, "needs tpm_version=2.0"),
        ({"hw:pmu": "true"}, {"hw_pmu": "false"}, Forbidden, "hw_pmu=false"),
        ({"hw:serial_port_count": "9" * 5000}, {}, InvalidExtraSpec, "..."),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_with_the_reason(
    specs: Mapping[str, str], properties: Mapping[str, str], error: type[BuswayError], words: str
) -> None:
    with pytest.raises(error) as caught:
        machine(specs, properties)

    assert words in str(caught.value)
    assert len(caught.value.brief) < 300


@pytest.mark.parametrize(
    ("specs", "properties", "found"),
    [
        ({}, {}, None),
        ({"hw:cpu_policy": "shared"}, {}, None),
        ({"hw:cpu_policy": "dedicated"}, {}, ThreadPolicy.PREFER),
        ({}, {"hw_cpu_policy": "dedicated", "hw_cpu_thread_policy": "require"}, ThreadPolicy.REQUIRE),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "1-2"}, {}, ThreadPolicy.PREFER),
        ({"resources:PCPU": "4", "hw:cpu_thread_policy": "isolate"}, {}, ThreadPolicy.ISOLATE),
        ({"resources1:PCPU": "5", "hw:emulator_threads_policy": "isolate"}, {}, ThreadPolicy.PREFER),
        ({"resources:PCPU": "0"}, {}, None),
        ({"hw:cpu_policy": "dedicated"}, {"hw_cpu_thread_policy": "isolate"}, ThreadPolicy.ISOLATE),
    ],
)
def test_dedicated_cpus_are_asked_for_by_flavor_or_image(
    specs: Mapping[str, str], properties: Mapping[str, str], found: ThreadPolicy | None
) -> None:
    assert cpu_threads(replace(FLAVOR, extra_specs=specs), properties) == found


@pytest.mark.parametrize(("mask", "shared"), [("2-3", {0, 1}), ("^0", {0}), ("^0-1,^3", {0, 1, 3}), ("0,3", {1, 2})])
def test_the_mask_of_a_mixed_guest_names_those_with_cpus_of_their_own(mask: str, shared: set[int]) -> None:
    flavor = replace(FLAVOR, extra_specs={"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": mask})

    assert shared_vcpus(flavor, {}) == shared
    assert shared_vcpus(replace(FLAVOR, extra_specs={"hw:cpu_policy": "dedicated"}), {}) == frozenset()


@pytest.mark.parametrize(
    ("size", "needs"),
    [
        ("small", ()),
        ("any", ()),
        ("large", ("machine", "huge-pages")),
        ("2048", ("machine", "pages-2048")),
        ("2MB", ("machine", "pages-2048")),
        ("1GB", ("machine", "pages-1048576")),
    ],
)
def test_huge_pages_need_a_host_that_keeps_guests_in_them(size: str, needs: tuple[str, ...]) -> None:
    assert machine({"hw:mem_page_size": size}).needs == machine({}, {"hw_mem_page_size": size}).needs == needs


def test_a_flavor_with_more_disks_needs_a_host_that_makes_them() -> None:
    for flavor in (replace(FLAVOR, ephemeral_gb=1), replace(FLAVOR, swap_mb=512)):
        found = machine_of(flavor, {})

        assert (found.ephemeral_gb, found.swap_mb) == (flavor.ephemeral_gb, flavor.swap_mb)
        assert MachineWord.EXTRA_DISKS in found.needs
    assert MachineWord.EXTRA_DISKS not in machine_of(FLAVOR, {"hw_firmware_type": "uefi"}).needs


def test_all_disks_of_a_flavor_count_swap_in_whole_gigabytes() -> None:
    assert replace(FLAVOR, disk_gb=10, ephemeral_gb=5, swap_mb=0).local_gb == 15
    assert replace(FLAVOR, disk_gb=10, ephemeral_gb=5, swap_mb=1025).local_gb == 17


@pytest.mark.parametrize("key", sorted(key for key in REFUSED if ":" in key))
def test_a_refused_word_is_refused_when_the_flavor_is_made(key: str) -> None:
    with pytest.raises(InvalidExtraSpec):
        check_machine_specs({key: "1"})


def test_an_ignored_word_changes_nothing() -> None:
    assert machine({}, dict.fromkeys(IGNORED, "x")) == PLAIN


def test_no_word_stands_twice() -> None:
    names = [name for word in SERVED for name in (word.flavor, word.image) if name]

    assert len(names) == len(set(names))
    assert not set(names) & {*REFUSED, *IGNORED}
