"""On which NUMA nodes of a host a guest's cells may lie, and which devices are near enough to them.

A guest without NUMA cells lies on any node, so that no policy restricts its devices, as in Nova. Where a host does not
report its cells, the nodes of its devices stand in for them and only the devices are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from busway.domain.numa_policy import NumaPolicy
from busway.domain.placement import NumaCell
from busway.scheduler.shape import Shape

Cells = tuple[int, ...]
Ring = Callable[[int | None], bool]


@dataclass(frozen=True, slots=True)
class Near:
    """Where the guest lies, and which nodes share a socket with it; `sockets` None when a cell's is not known."""

    cells: frozenset[int]
    sockets: frozenset[int] | None

    def rings(self, policy: NumaPolicy) -> tuple[Ring, ...]:
        """Which nodes a policy allows: each ring holds the one before it, and the nearest that is enough counts."""
        own: Ring = self.cells.__contains__
        match policy:
            case NumaPolicy.REQUIRED:
                return (own,)
            case NumaPolicy.LEGACY:
                return (own, lambda node: node is None or node in self.cells)
            case NumaPolicy.SOCKET:
                sockets = self.sockets
                return (lambda _node: False,) if sockets is None else (own, lambda node: node in sockets)
            case NumaPolicy.PREFERRED:
                return (own, lambda node: node is None or node in self.cells, lambda _node: True)


def cell_choices(shape: Shape, count: int, vcpus: int, ram_mb: int) -> Iterator[Cells]:
    """Each set of `count` cells that has room for an equal share of the guest on each of them."""
    if count == 0:
        yield ()
    elif shape.cells:
        share = (-(-vcpus // count), -(-ram_mb // count))
        fitting = [cell.id for cell in shape.cells if _has_room(cell, *share)]
        yield from combinations(sorted(fitting), count)
    else:
        nodes = {state.device.numa_node for state in shape.hardware.states if state.present} - {None}
        known = sorted(node for node in nodes if node is not None)
        yield from combinations(known, min(count, len(known)))


def near(shape: Shape, cells: Cells) -> Near:
    """What is near to a guest on these cells."""
    sockets = {cell.id: cell.socket for cell in shape.cells}
    if not sockets or None in sockets.values():
        return Near(frozenset(cells), None)
    own = {sockets[cell] for cell in cells}
    return Near(frozenset(cells), frozenset(cell for cell, socket in sockets.items() if socket in own))


def share_of(vcpus: int, ram_mb: int, cells: Cells) -> tuple[int, int]:
    """What a guest takes on each of its cells: vCPUs and MB of RAM."""
    return -(-vcpus // len(cells)), -(-ram_mb // len(cells))


def _has_room(cell: NumaCell, vcpus: int, ram_mb: int) -> bool:
    return cell.free_vcpus >= vcpus and cell.free_ram_mb >= ram_mb
