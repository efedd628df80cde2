"""The huge pages that a machine keeps: those of its default size, from which QEMU takes guests' memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from busway.domain.host_facts import HostCell
from busway.hardware.tree import find_number, read_text

_FIGURE = re.compile(r"^(HugePages_Total|Hugepagesize):\s*([0-9]{1,15})", re.MULTILINE | re.ASCII)


@dataclass(frozen=True, slots=True)
class HugePages:
    """How many pages there are, and the size of each in kB; 0 where the kernel has none."""

    size_kb: int
    total: int

    @property
    def ram_mb(self) -> int:
        """All of them together."""
        return self.size_kb * self.total // 1024


def read_huge_pages(root: Path) -> HugePages:
    """Reads /proc/meminfo, which has the default size only."""
    found = dict(_FIGURE.findall(read_text(f"{root}/proc/meminfo")))
    return HugePages(int(found.get("Hugepagesize", 0)), int(found.get("HugePages_Total", 0)))


def paged_cell(root: Path, cell: HostCell, size_kb: int) -> HostCell:
    """A NUMA node whose RAM for guests is its huge pages."""
    path = f"{root}/sys/devices/system/node/node{cell.id}/hugepages/hugepages-{size_kb}kB/nr_hugepages"
    return replace(cell, ram_mb=size_kb * (find_number(path) or 0) // 1024)
