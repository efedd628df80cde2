"""The NUMA nodes of a machine as guests can lie on them."""

from pathlib import Path

from busway.domain.host_facts import HostCell
from busway.hardware.numa import read_cells
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
