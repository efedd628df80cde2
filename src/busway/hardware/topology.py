"""Where devices sit: sockets, NUMA nodes, host bridges, root ports, switches and devices as a tree; and how far apart.

Distances are those that GPU users know from `nvidia-smi topo` and NCCL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from busway.domain.address import PciAddress
from busway.hardware.function import Function
from busway.hardware.numa import node_cpus, socket_of


class Distance(IntEnum):
    """What the way between two devices passes; a larger number is further."""

    SELF = 0  # the same function
    PIX = 1  # at most one PCIe switch, or one bridge
    PXB = 2  # several bridges or switches, no host bridge
    PHB = 3  # the host bridge that both are below
    NODE = 4  # two host bridges of one NUMA node
    SYS = 5  # the link between NUMA nodes; also when it is unknown whether the node is the same

    def __str__(self) -> str:
        return "X" if self is Distance.SELF else self.name


@dataclass(frozen=True, slots=True)
class Branch:
    """A function in the tree with what is below it; `function` is None for a bridge that the scan did not find."""

    address: PciAddress
    function: Function | None
    children: tuple[Branch, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Branch]]:
        """Itself and all below it with their depths, from the top down."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


@dataclass(frozen=True, slots=True)
class HostBridge:
    """A root of the PCI tree, such as pci0000:40; "" gathers the functions whose place the tree does not show."""

    name: str
    children: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class NumaNode:
    """A NUMA node with its host bridges; `number` is None for those of unknown node."""

    number: int | None
    cpus: frozenset[int] = frozenset()
    host_bridges: tuple[HostBridge, ...] = ()


@dataclass(frozen=True, slots=True)
class Socket:
    """A processor package with its NUMA nodes; `number` is None for nodes without CPUs or of unknown socket."""

    number: int | None
    nodes: tuple[NumaNode, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """The tree, and the distance between any two functions of it."""

    sockets: tuple[Socket, ...]
    _functions: Mapping[PciAddress, Function] = field(repr=False)
    _one_node: bool = field(repr=False)

    @classmethod
    def of(cls, root: Path, functions: Sequence[Function]) -> Topology:
        """Builds the tree of a machine's functions; CPUs and nodes are read from the tree under `root`."""
        cpus = node_cpus(root)
        one_node = len([number for number, near in cpus.items() if near]) <= 1
        nodes = _nodes(functions, cpus, one_node)
        sockets: dict[int | None, list[NumaNode]] = {}
        for node in nodes:
            sockets.setdefault(socket_of(root, node.cpus), []).append(node)
        made = tuple(Socket(number, tuple(sockets[number])) for number in sorted(sockets, key=_none_last))
        return cls(made, {function.address: function for function in functions}, one_node)

    def distance(self, one: PciAddress, other: PciAddress) -> Distance:
        """How far two functions are apart; SYS for one that the machine does not have."""
        a, b = self._functions.get(one), self._functions.get(other)
        if a is None or b is None:
            return Distance.SYS
        if one == other:
            return Distance.SELF
        if not a.host_bridge or a.host_bridge != b.host_bridge:
            same = a.numa_node == b.numa_node and (a.numa_node is not None or self._one_node)
            return Distance.NODE if same or self._one_node else Distance.SYS
        return _below_one_root(a, b)

    def walk(self) -> Iterator[Branch]:
        """Every branch, from the top down."""
        for socket in self.sockets:
            for node in socket.nodes:
                for bridge in node.host_bridges:
                    for child in bridge.children:
                        yield from (branch for _, branch in child.walk())


def _below_one_root(a: Function, b: Function) -> Distance:
    """Two functions below one host bridge: what matters is the lowest bridge above both, and how many are below it.

    The bridges below it on either side are at most one (a downstream port) within one switch.
    """
    one, other = (*a.bridges, a.address), (*b.bridges, b.address)
    shared = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    if shared == 0:
        return Distance.PHB
    between = max(len(a.bridges), len(b.bridges)) - shared
    return Distance.PIX if between <= 1 else Distance.PXB


def _nodes(functions: Sequence[Function], cpus: Mapping[int, frozenset[int]], one_node: bool) -> list[NumaNode]:
    """The NUMA nodes with CPUs or devices; functions of unknown node belong to the only one, if there is one only."""
    only = next((number for number, near in cpus.items() if near), None) if one_node else None
    by_root: dict[str, list[Function]] = {}
    for function in functions:
        by_root.setdefault(function.host_bridge, []).append(function)
    bridges: dict[int | None, list[HostBridge]] = {number: [] for number, near in cpus.items() if near}
    for name in sorted(by_root, key=_by_number):
        found = by_root[name]
        known = [function.numa_node for function in found if function.numa_node is not None]
        node = max(set(known), key=lambda number: (known.count(number), -number)) if known else only
        bridges.setdefault(node, []).append(HostBridge(name, _grow(found)))
    return [
        NumaNode(number, cpus.get(number, frozenset()) if number is not None else frozenset(), tuple(bridges[number]))
        for number in sorted(bridges, key=_none_last)
    ]


def _grow(functions: Sequence[Function]) -> tuple[Branch, ...]:
    """Makes the tree below one host bridge out of the chains of its functions."""
    known = {function.address: function for function in functions}
    children: dict[PciAddress | None, set[PciAddress]] = {}
    for function in functions:
        above: PciAddress | None = None
        for address in (*function.bridges, function.address):
            if address != above:
                children.setdefault(above, set()).add(address)
            above = address

    def branch(address: PciAddress, passed: frozenset[PciAddress]) -> Branch:
        below = sorted(children.get(address, set()) - passed, key=lambda child: child.numbers)
        return Branch(address, known.get(address), tuple(branch(child, passed | {child}) for child in below))

    tops = sorted(children.get(None, ()), key=lambda child: child.numbers)
    return tuple(branch(address, frozenset({address})) for address in tops)


def _none_last(number: int | None) -> tuple[bool, int]:
    return number is None, number or 0


def _by_number(name: str) -> tuple[int, str]:
    return len(name), name
