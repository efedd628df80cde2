"""On which NUMA nodes of a host a guest's cells may lie, and which devices are near enough to them.

A guest without NUMA cells lies on any node, so that no policy restricts its devices, as in Nova. Where a host does not
report its cells, the nodes of its devices stand in for them and only the devices are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice

from busway.domain.numa_policy import NumaPolicy
from busway.domain.placement import GuestCell, NumaCell
from busway.scheduler.dedicated import choose_cpus
from busway.scheduler.shape import Shape

Cells = tuple[int, ...]
Ring = Callable[[int | None], bool]
# Hosts have up to 16 nodes and guests up to 4 cells; more ways than this are not looked at.
_TRIED = 4096


@dataclass(frozen=True, slots=True)
class Near:
    """Where the guest lies, and which nodes share a socket with it; `sockets` None when a cell's is not known."""

    cells: frozenset[int]
    sockets: frozenset[int] | None

    def rings(self, policy: NumaPolicy) -> tuple[Ring, ...]:
        """The nodes that a policy allows, as rings: each contains the one before it, and the first with enough devices is used."""
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


def cell_choices(shape: Shape, guest: tuple[GuestCell, ...]) -> Iterator[Cells]:
    """Each way to lay the guest's cells on cells of the host that have room for them, one cell each."""
    if not guest:
        yield ()
    elif shape.cells:
        yield from islice(_assignments(guest, sorted(shape.cells, key=lambda cell: cell.id)), _TRIED)
    elif all(cell.threads is None for cell in guest):
        nodes = {state.device.numa_node for state in shape.hardware.states if state.present} - {None}
        known = sorted(node for node in nodes if node is not None)
        yield from islice(combinations(known, min(len(guest), len(known))), _TRIED)


def _assignments(guest: tuple[GuestCell, ...], host: Sequence[NumaCell], taken: Cells = ()) -> Iterator[Cells]:
    """Equal cells of a guest are laid in rising order only: laying them the other way round is the same."""
    if len(taken) == len(guest):
        yield taken
        return
    wanted = guest[len(taken)]
    after = max((cell for cell, other in zip(taken, guest, strict=False) if other == wanted), default=-1)
    for cell in host:
        if cell.id > after and cell.id not in taken and _has_room(cell, wanted):
            yield from _assignments(guest, host, (*taken, cell.id))


def near(shape: Shape, cells: Cells) -> Near:
    """The nodes near a guest that lies on these cells."""
    sockets = {cell.id: cell.socket for cell in shape.cells}
    if not sockets or None in sockets.values():
        return Near(frozenset(cells), None)
    own = {sockets[cell] for cell in cells}
    return Near(frozenset(cells), frozenset(cell for cell, socket in sockets.items() if socket in own))


def cells_after(cells: tuple[NumaCell, ...], guest: tuple[GuestCell, ...], taken: Cells) -> tuple[NumaCell, ...]:
    """The host's cells after a guest has taken its part of them."""
    needs = dict(zip(taken, guest, strict=False))
    return tuple(_cell_after(cell, needs[cell.id]) if cell.id in needs else cell for cell in cells)


def _cell_after(cell: NumaCell, wanted: GuestCell) -> NumaCell:
    cpus = choose_cpus(cell, wanted)
    held = cell.held if cpus is None else cell.held | frozenset(cpus.held)
    vcpus, ram_mb = cell.free_vcpus - _shared_vcpus(wanted), cell.free_ram_mb - wanted.ram_mb
    return replace(cell, free_vcpus=vcpus, free_ram_mb=ram_mb, held=held)


def _shared_vcpus(wanted: GuestCell) -> int:
    return wanted.vcpus if wanted.threads is None else len(wanted.shared)


def _has_room(cell: NumaCell, wanted: GuestCell) -> bool:
    """A cell gets no more vCPUs of a guest than it has CPUs: a guest does not share CPUs with itself."""
    most, shared = cell.free_vcpus if cell.cpus is None else min(cell.cpus, cell.free_vcpus), _shared_vcpus(wanted)
    if (shared and shared > most) or wanted.ram_mb > cell.free_ram_mb:
        return False
    return wanted.threads is None or choose_cpus(cell, wanted) is not None
