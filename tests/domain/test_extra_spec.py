"""Extra specs about PCI devices are refused when they are set, not when the first server lacks its GPU."""

import pytest

from busway.domain.errors import InvalidExtraSpec
from busway.domain.extra_spec import check_extra_specs


@pytest.mark.parametrize(
    "specs",
    [
        {},
        {"pci_passthrough:alias": "a1:1,b2:2"},
        {"hw:pci_numa_affinity_policy": "socket"},
        {"hw:numa_nodes": "2", "hw:cpu_policy": "shared", "key1": "value1", "quota_of_ours": "2"},
    ],
)
def test_what_nova_knows_is_accepted(specs: dict[str, str]) -> None:
    check_extra_specs(specs)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("pci_passthrough:alias", "a1", "is not alias:count"),
        ("pci_passthrough:aliases", "a1:1", "Did you mean pci_passthrough:alias?"),
        ("PCI_passthrough:alias", "a1:1", "Did you mean pci_passthrough:alias?"),
        ("pci_passthrough:gpu", "a1:1", "is not an extra spec"),
        ("pci_passtrough:alias", "a1:1", "Did you mean pci_passthrough:alias?"),
        ("hw:pci_numa_affinity_policy", "near", "is not a PCI NUMA policy"),
        ("hw:pci_numa_affinity_policy", "", "is not a PCI NUMA policy"),
        ("quota:disk_read_iops_sec", "many", "it may be 1 to 1000000000000000"),
        ("quota:disk_reads", "500", "there is no such word"),
        ("accel:device_profile", "gpu", "no service of accelerators"),
        ("hw:pci_numa_afinity_policy", "socket", "Did you mean hw:pci_numa_affinity_policy?"),
    ],
)
def test_what_no_boot_could_read_is_refused(key: str, value: str, words: str) -> None:
    with pytest.raises(InvalidExtraSpec) as caught:
        check_extra_specs({key: value})
    assert words in str(caught.value)
