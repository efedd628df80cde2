"""The NUMA nodes of a machine: their CPUs, memory and sockets."""

from __future__ import annotations

import re
from pathlib import Path

from busway.domain.host_facts import HostCell
from busway.hardware.tree import find_number, find_text, list_names, parse_list, parse_number, read_text

_NODES = "sys/devices/system/node"
_TOTAL = re.compile(r"MemTotal:\s*([0-9]{1,15}) kB", re.ASCII)


def read_cells(root: Path) -> tuple[HostCell, ...]:
    """Reads the nodes on which guests can run: those with CPUs; none where the kernel has no NUMA."""
    return tuple(_cell(root, number, cpus) for number, cpus in node_cpus(root).items() if cpus)


def node_cpus(root: Path) -> dict[int, frozenset[int]]:
    """The CPUs of each NUMA node; a node of memory only has none."""
    folder = f"{root}/{_NODES}"
    found = {}
    for name in list_names(folder):
        number = parse_number(name.removeprefix("node")) if name.startswith("node") else None
        if number is not None and number >= 0:
            found[number] = parse_list(find_text(f"{folder}/{name}/cpulist") or "") or frozenset()
    return dict(sorted(found.items()))


def socket_of(root: Path, cpus: frozenset[int]) -> int | None:
    """The processor package that these CPUs are of; None where the kernel does not say."""
    if not cpus:
        return None
    number = find_number(f"{root}/sys/devices/system/cpu/cpu{min(cpus)}/topology/physical_package_id")
    return None if number is None or number < 0 else number


def _cell(root: Path, number: int, cpus: frozenset[int]) -> HostCell:
    folder = f"{root}/{_NODES}/node{number}"
    total = _TOTAL.search(read_text(f"{folder}/meminfo"))
    ram_mb = int(total[1]) // 1024 if total else 0
    return HostCell(number, read_text(f"{folder}/cpulist"), len(cpus), ram_mb, socket_of(root, cpus))
