"""Huge pages of a host: how many of each size there are, are free, are promised, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass

from busway.doctor.host import Host
from busway.hardware.tree import parse_number

_FOLDER = "/sys/kernel/mm/hugepages"
_NODES = "/sys/devices/system/node"


@dataclass(frozen=True, slots=True)
class Pages:
    """The huge pages of one size in bytes; `reserved` are free ones that are promised, `nodes` what is free on each."""

    folder: str
    size: int
    total: int
    free: int
    reserved: int
    nodes: tuple[tuple[int, int], ...] = ()

    @property
    def usable(self) -> int:
        """How many a new guest can have."""
        return max(self.free - self.reserved, 0)


def read_pages(host: Host) -> list[Pages]:
    """Reads the pools of all sizes, the largest first."""
    found = []
    for name in host.names(_FOLDER):
        match = re.fullmatch(r"hugepages-([0-9]{1,12})kB", name)
        if match:
            folder = f"{_FOLDER}/{name}"
            total, free, promised = (_number(host, f"{folder}/{kind}_hugepages") for kind in ("nr", "free", "resv"))
            found.append(Pages(folder, int(match[1]) << 10, total, free, promised, _nodes(host, name)))
    return sorted(found, key=lambda pool: -pool.size)


def _nodes(host: Host, size: str) -> tuple[tuple[int, int], ...]:
    nodes = [int(name[4:]) for name in host.names(_NODES) if re.fullmatch("node[0-9]{1,4}", name)]
    files = {node: f"{_NODES}/node{node}/hugepages/{size}/free_hugepages" for node in sorted(nodes)}
    return tuple((node, _number(host, file)) for node, file in files.items() if host.exists(file))


def _number(host: Host, path: str) -> int:
    return parse_number(host.text(path) or "") or 0
