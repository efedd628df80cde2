"""The NUMA nodes of a machine as guests can lie on them."""

from pathlib import Path

import pytest

from busway.domain.dedicated_cpus import NO_SETS, CpuSets, cpu_list, parse_cpus
from busway.domain.errors import InvalidConfig
from busway.domain.host_facts import HostCell
from busway.hardware.huge_pages import HugePages, paged_cell, read_huge_pages
from busway.hardware.numa import check_sets, kept_apart, read_cells
from busway.testing.machines import Machine


def test_each_node_with_cpus_is_a_cell_with_its_memory_and_socket(tmp_path: Path) -> None:
    Machine(tmp_path).numa(["0-3,8-11", "4-7,12-15", ""], nodes_per_socket=2, ram_mb=1000)

    assert read_cells(tmp_path) == (
        HostCell(0, "0-3,8-11", 8, 1000, 0),
        HostCell(1, "4-7,12-15", 8, 1000, 0),
    )


def test_what_the_kernel_does_not_tell_is_not_known(tmp_path: Path) -> None:
    node = tmp_path / "sys/devices/system/node/node0"
    node.mkdir(parents=True)
    (node / "cpulist").write_text("0-1\n")

    assert read_cells(tmp_path) == (HostCell(0, "0-1", 2, 0, None),)
    assert read_cells(tmp_path / "nowhere") == ()


def threads(root: Path, *cores: str) -> Path:
    """A machine that tells which CPUs are threads of one core."""
    cpus = [cpu for core in cores for cpu in parse_cpus(core)]
    machine = Machine(root)
    machine.write("sys/devices/system/cpu/online", cpu_list(cpus))
    for core in cores:
        for cpu in parse_cpus(core):
            machine.write(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", core)
    return root


def test_dedicated_cpus_are_told_core_by_core_and_taken_from_the_shared_ones(tmp_path: Path) -> None:
    root = threads(tmp_path, "0,4", "1,5", "2,6", "3,7")
    node = HostCell(0, "0-7", 8, 1000, 0)

    assert kept_apart(root, node, NO_SETS) == node
    apart = kept_apart(root, node, CpuSets(parse_cpus("2-3,6-7"), parse_cpus("0-1,4")))
    assert apart == HostCell(0, "0-1,4", 3, 1000, 0, ((2, 6), (3, 7)))
    alone = kept_apart(root, node, CpuSets(parse_cpus("1-3")))
    assert alone == HostCell(0, "", 0, 1000, 0, ((1,), (2,), (3,)))
    assert kept_apart(root, HostCell(1, "8-9", 2, 1000, 0), CpuSets(None, parse_cpus("0-1"))).vcpus == 0


def test_sets_that_the_host_can_t_have_are_refused(tmp_path: Path) -> None:
    root = threads(tmp_path, "0,4", "1,5")

    check_sets(root, CpuSets(parse_cpus("0,4"), parse_cpus("1,5")))
    with pytest.raises(InvalidConfig, match="The CPUs 8-9 are not online; this host has 0-1,4-5"):
        check_sets(root, CpuSets(parse_cpus("4,8-9")))
    with pytest.raises(InvalidConfig, match="The CPUs 0,4 are of one core"):
        check_sets(root, CpuSets(parse_cpus("0,5"), parse_cpus("4")))


@pytest.mark.parametrize(("text", "found"), [("4-12,^8,15", "4-7,9-12,15"), (" 3 , 1-2", "1-3"), ("8191", "8191")])
def test_lists_of_cpus_are_read_as_nova_reads_them(text: str, found: str) -> None:
    assert cpu_list(parse_cpus(text)) == found


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,,2", "^1", "1-2-3", "8192", "99999999999999"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig):
        parse_cpus(text)


def test_huge_pages_are_those_of_the_default_size_in_all_and_by_node(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(
        "proc/meminfo", "MemTotal: 9 kB\nHugePages_Total:    100\nHugePages_Free:  3\nHugepagesize:   2048 kB\n"
    )
    machine.write("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "60")
    machine.write("sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages", "9")

    pages = read_huge_pages(tmp_path)
    assert (pages, pages.ram_mb) == (HugePages(2048, 100), 200)
    assert [paged_cell(tmp_path, HostCell(n, "0", 1, 9999), 2048).ram_mb for n in (0, 1)] == [0, 120]
    assert read_huge_pages(tmp_path / "nowhere") == HugePages(0, 0)
