"""Where the guest finds its network cards and what it was granted: root ports by number, and addresses in the guest.

A GPU and its audio function sit in one slot of the host; their guest drivers expect to find each other in one slot as
well. Functions of one host slot that include function 0 become one multifunction card behind one root port; anything
else (a VF, mostly) gets a root port of its own as function 0. The port of a grant is its own for the life of its claim,
so that a guest finds a device where it was although others have come or gone.

The root ports stand on the root bus in the order of their numbers and without a gap, before any that libvirt adds. So
firmware, which numbers buses in the order of their ports, gives each port the bus of its number.

Behind them are spare ports, for what is plugged in while the guest runs. From then on the cards have ports of their own as
well (`Nic.root_port`), and the number of ports that are not spare stays as it was (`DesiredServer.root_ports`): nothing moves
in a guest because something else has come or gone.

A guest that mirrors its host (`Machine.mirror`) has an extra root complex for each of its NUMA cells that devices are near
to, as its host has one for each socket; their root ports are behind it, and the others on the root bus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from busway.domain.documents import DesiredServer, Nic
from busway.domain.grant import Grant
from busway.domain.units import WholeFunction, card_of

SPARE_PORTS = 2  # of a new server, where nobody says another number
_FUNCTIONS = 8  # in one slot of a bus
_FIRST_ROOT_BUS, _LAST_BUS = 0x40, 0xFF
_MOST_ROOTS = 8
_ROOTS_SLOT = 0x10  # of the root bus: 15 slots before it are for root ports


@dataclass(frozen=True, slots=True)
class GuestSlot:
    """One grant and its place in the guest: the number of its root port and its function number."""

    grant: Grant
    port: int
    function: int
    multifunction: bool


@dataclass(frozen=True, slots=True)
class RootComplex:
    """An extra root complex on a cell of the guest: its controller's index, its slot on the root bus, its bus number."""

    index: int
    slot: int
    bus: int
    cell: int


@dataclass(frozen=True, slots=True)
class RootPort:
    """A root port: its controller's index, that of the bus it is on, its place there, and the bus that it leads to."""

    index: int
    parent: int
    slot: int
    function: int
    bus: int

    def address(self, function: int = 0) -> str:
        """The address in the guest of a function behind it."""
        return f"0000:{self.bus:02x}:00.{function:x}"


@dataclass(frozen=True, slots=True)
class GuestLayout:
    """Where everything is that has a place of its own."""

    roots: tuple[RootComplex, ...]
    ports: tuple[RootPort, ...]
    spare: tuple[RootPort, ...]  # of them
    devices: tuple[tuple[GuestSlot, RootPort], ...]
    nics: tuple[tuple[Nic, RootPort], ...]


@dataclass(frozen=True, slots=True)
class PortNumbers:
    """Root ports by number: those of the cards in their order, those that are free, how many are not spare, and the last."""

    nics: tuple[int, ...]
    free: tuple[int, ...]
    base: int
    last: int


def port_numbers(server: DesiredServer) -> PortNumbers:
    """Gives each card the port that it has, or the next one; a guest that mirrors its host has no spare ports."""
    devices = {slot.port for slot in guest_slots(server.devices)}
    last = max(devices, default=0)
    if server.machine.mirror:
        nics = tuple(range(last + 1, last + 1 + len(server.plugged)))
        return PortNumbers(nics, (), last + len(nics), last + len(nics))
    first = 1 if server.root_ports else last + 1
    pinned = {nic.root_port for nic in server.plugged} - devices - {0}
    used, numbers = devices | pinned, []
    for nic in server.plugged:
        if nic.root_port in pinned:
            pinned.remove(nic.root_port)
            numbers.append(nic.root_port)
        else:
            numbers.append(next(number for number in count(first) if number not in used))
            used.add(numbers[-1])
    base = server.root_ports or max(used, default=0)
    total = max(base + server.spare_ports, *used, 0)
    return PortNumbers(tuple(numbers), tuple(n for n in range(1, total + 1) if n not in used), base, total)


def guest_layout(server: DesiredServer) -> GuestLayout:
    """Lays out a guest: root complexes first, then the ports on the root bus, then those behind the complexes."""
    slots = guest_slots(server.devices)
    numbers = port_numbers(server)
    cells = _cells(server, slots)
    near = {slot.port: cells[slot.grant.node] for slot in slots if slot.grant.node in cells}
    roots = _roots(sorted(set(near.values()))[:_MOST_ROOTS])
    by_cell = {root.cell: root for root in roots}
    behind = {port: by_cell[cell] for port, cell in near.items() if cell in by_cell}
    used = {*(slot.port for slot in slots), *numbers.nics}
    last = max((*used, *numbers.free), default=0)
    keys = [port for port in range(1, last + 1) if port not in behind and (not roots or port in used)]
    made = {
        key: RootPort(len(roots) + rank + 1, 0, 1 + rank // _FUNCTIONS, rank % _FUNCTIONS, rank + 1)
        for rank, key in enumerate(keys)
    }
    for root in roots:
        for rank, port in enumerate(sorted(port for port, other in behind.items() if other is root)):
            place = divmod(rank, _FUNCTIONS)
            made[port] = RootPort(len(roots) + len(made) + 1, root.index, *place, root.bus + 1 + rank)
    return GuestLayout(
        roots,
        tuple(made.values()),
        tuple(made[number] for number in numbers.free),
        tuple((slot, made[slot.port]) for slot in slots),
        tuple((nic, made[number]) for nic, number in zip(server.plugged, numbers.nics, strict=True)),
    )


def next_port(layout: GuestLayout, number: int) -> RootPort:
    """The root port on the root bus that comes so many after the last one of a guest without extra root complexes."""
    rank = len(layout.ports) + number
    return RootPort(rank + 1, 0, 1 + rank // _FUNCTIONS, rank % _FUNCTIONS, rank + 1)


def _cells(server: DesiredServer, slots: tuple[GuestSlot, ...]) -> dict[int | None, int]:
    """The guest's cell for each node of the host, in a guest that mirrors it."""
    if not server.machine.mirror or not slots:
        return {}
    return {cell.node: number for number, cell in enumerate(server.cells)}


def _roots(cells: list[int]) -> tuple[RootComplex, ...]:
    """The buses from 0x40 on are shared out among them."""
    share = (_LAST_BUS + 1 - _FIRST_ROOT_BUS) // max(1, len(cells))
    return tuple(
        RootComplex(1 + number, _ROOTS_SLOT + number, _FIRST_ROOT_BUS + number * share, cell)
        for number, cell in enumerate(cells)
    )


def guest_slots(grants: Iterable[Grant]) -> tuple[GuestSlot, ...]:
    """Places grants behind their root ports, those without one behind the lowest that are free; cards stay together."""
    wanted = {grant.unit.name: grant for grant in grants if grant.unit.is_attached}
    cards: dict[str, list[Grant]] = {}
    for grant in wanted.values():
        cards.setdefault(card_of(grant.unit, (each.unit for each in wanted.values())), []).append(grant)
    stored = {card: next((g.port for g in members if g.port is not None), None) for card, members in cards.items()}
    free = (port for port in range(1, len(cards) + len(stored) + 1) if port not in stored.values())
    slots: list[GuestSlot] = []
    for card, members in cards.items():
        port = stored[card] or next(free)
        alone = len(members) == 1
        for grant in sorted(members, key=lambda grant: grant.unit.name):
            function = _function(grant)
            slots.append(GuestSlot(grant, port, 0 if alone else function, not alone and function == 0))
    return tuple(slots)


def _function(grant: Grant) -> int:
    return grant.unit.address.function if isinstance(grant.unit, WholeFunction) else 0
