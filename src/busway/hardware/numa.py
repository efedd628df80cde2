"""The NUMA nodes of a machine: their CPUs, memory and sockets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from busway.domain.dedicated_cpus import CpuSets, cpu_list, invalid_set
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


def online_cpus(root: Path) -> frozenset[int]:
    """The CPUs that the kernel runs on; none where it does not say."""
    return parse_list(find_text(f"{root}/sys/devices/system/cpu/online") or "") or frozenset()


def cores_of(root: Path, cpus: frozenset[int]) -> tuple[tuple[int, ...], ...]:
    """These CPUs core by core, the threads of each together; a CPU whose core is not told is a core of its own."""
    found: dict[frozenset[int], list[int]] = {}
    for cpu in sorted(cpus):
        text = find_text(f"{root}/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or ""
        found.setdefault((parse_list(text) or frozenset()) | {cpu}, []).append(cpu)
    return tuple(map(tuple, found.values()))


def check_sets(root: Path, sets: CpuSets) -> None:
    """Raises `InvalidConfig` for a CPU that the host does not have, and for a core that is in both sets."""
    dedicated, shared, online = sets.dedicated or frozenset(), sets.shared or frozenset(), online_cpus(root)
    away = (dedicated | shared) - online
    if away and online:
        raise invalid_set(f"The CPUs {cpu_list(away)} are not online; this host has {cpu_list(online)}")
    for core in cores_of(root, dedicated | shared):
        if dedicated.intersection(core) and shared.intersection(core):
            raise invalid_set(f"The CPUs {cpu_list(core)} are of one core, which is in both sets")


def kept_apart(root: Path, cell: HostCell, sets: CpuSets) -> HostCell:
    """A node as servers get it: the CPUs that they share, and beside them those that each has for itself."""
    cpus = parse_list(cell.cpus) or frozenset()
    shared = sets.shared_of(cpus)
    if shared == cpus and sets.dedicated is None:
        return cell
    cores = cores_of(root, cpus & (sets.dedicated or frozenset()))
    return replace(cell, cpus=cpu_list(shared), vcpus=len(shared), cores=cores)


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
