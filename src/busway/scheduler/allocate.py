"""`allocate`: the devices of one shape for all PCI requests of a server.

The requests are served one after the other, the scarcest first. Where that fails they are matched against the free lots
all at once, so that no request is refused because an earlier one of the same server took what it could have done without.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from busway.domain.alias import PciRequest
from busway.domain.placement import Fit, GuestCell
from busway.domain.within import Within
from busway.scheduler.choice import Cost, choose, cost_of
from busway.scheduler.hardware import Lot
from busway.scheduler.matching import match
from busway.scheduler.numa import Cells, Near, cell_choices, near
from busway.scheduler.partition_fit import best_partition
from busway.scheduler.parts import parts
from busway.scheduler.shape import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """The part of a request that the choice of devices depends on; an index keeps one object for equal ones, for quick look-ups."""

    pci: tuple[PciRequest, ...]
    cells: tuple[GuestCell, ...] = ()

    @property
    def within(self) -> Within | None:
        """The part of a host that must hold all of its devices."""
        return next((request.within for request in self.pci if request.within is not None), None)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Places of devices in the host's list, each with the alias that it serves (None for a companion)."""

    places: tuple[tuple[int, str | None], ...]
    fit: Fit
    cells: Cells = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    """The lots taken so far and what each request got of them, by the request's place in the flavor."""

    lots: tuple[Lot, ...]
    served: tuple[tuple[int, tuple[int, ...]], ...]

    def named(self, pci: tuple[PciRequest, ...]) -> tuple[tuple[int, str | None], ...]:
        """The devices in the order of the requests; each companion behind the device that it travels with."""
        aliases = {place: pci[index].alias.name for index, places in self.served for place in places}
        lots = {lot.place: lot for lot in self.lots}
        order = [place for _, places in sorted(self.served) for place in places]
        found: dict[int, str | None] = {}
        for place in order:
            lot = lots.get(place)
            for member in (place, *(lot.companions if lot else ())):
                found.setdefault(member, aliases.get(member))
        return tuple(found.items())


_UNKNOWN: Any = object()


def allocate(shape: Shape, wish: Wish) -> Allocation | None:
    """The best choice of devices, or None if there is none; the answer is kept with the shape."""
    answer: Allocation | None = shape.answers.get(wish, _UNKNOWN)
    if answer is _UNKNOWN:
        answer = shape.answers[wish] = _allocate(shape, wish)
    return answer


def _allocate(shape: Shape, wish: Wish) -> Allocation | None:
    if not wish.pci and not wish.cells:
        return Allocation((), Fit(left_free=shape.count_free()))
    within = wish.within
    if len(wish.pci) == 1 and not wish.cells and within is None:
        return _of_one_request(shape, wish.pci[0])
    options = []
    for part in [shape] if within is None else parts(shape, within):
        for cells in cell_choices(part, wish.cells):
            draft = _serve(part, wish.pci, near(part, cells) if wish.cells else None)
            if draft is not None:
                options.append((_cost(shape, wish.pci, draft), cells, draft))
    if not options:
        return None
    if not wish.pci:  # a guest that needs no device leaves the nodes of free ones to those that do
        options.sort(key=lambda option: (shape.count_free(option[1]), option[1]))
        best, cells, draft = options[0]
    else:
        best, cells, draft = min(options, key=lambda option: (option[0], option[1]))
    return Allocation(draft.named(wish.pci), Fit(*best, left_free=_left(shape, wish.pci, draft)), cells)


def _of_one_request(shape: Shape, request: PciRequest) -> Allocation | None:
    """The common case, in one step."""
    lots = shape.free_lots(request.alias)
    usable = _joined(shape, request, lots) if request.alias.link else lots
    if len(usable) < request.count:
        return None
    chosen, cost = choose(usable, request.count)
    draft = _Draft(chosen, ((0, tuple(lot.place for lot in chosen)),))
    return Allocation(draft.named((request,)), Fit(*cost, left_free=len(lots) - request.count))


def _left(shape: Shape, pci: tuple[PciRequest, ...], draft: _Draft) -> int:
    """How many devices like the chosen ones stay free; if none is chosen, how many offered devices are free."""
    if not pci:
        return shape.count_free()
    taken = 0
    for lot in draft.lots:
        taken |= lot.devices
    return sum(len(shape.free_lots(alias, taken)) for alias in dict.fromkeys(request.alias for request in pci))


def _serve(shape: Shape, pci: tuple[PciRequest, ...], near: Near | None) -> _Draft | None:
    """Devices on one NUMA node for all requests if a node has enough, otherwise the best of the whole host."""
    options: list[tuple[Cost, int, _Draft]] = []
    if len(pci) > 1:
        nodes = dict.fromkeys(lot.spot.node for request in pci for lot in shape.free_lots(request.alias))
        for number, node in enumerate(nodes):
            draft = _in_turn(shape, pci, near, [node])
            if draft is not None:
                options.append((_cost(shape, pci, draft), number, draft))
    if options:
        return min(options, key=lambda option: option[:2])[2]
    draft = _in_turn(shape, pci, near, None)
    return draft if draft is not None or len(pci) < 2 else _all_at_once(shape, pci, near)


def _in_turn(
    shape: Shape, pci: tuple[PciRequest, ...], near: Near | None, nodes: Sequence[int | None] | None
) -> _Draft | None:
    order = sorted(range(len(pci)), key=lambda n: len(shape.free_lots(pci[n].alias)) - pci[n].count)
    taken = used = 0
    lots: list[Lot] = []
    served = []
    for step, index in enumerate(order):
        request = pci[index]
        along = _along(shape, request, lots, used)[: request.count]
        wanted = request.count - len(along)
        found = _found(shape, request, taken, near, nodes, wanted)
        later = {lot for n in order[step + 1 :] for lot in shape.free_lots(pci[n].alias)}
        own = tuple(lot for lot in found if lot not in later)
        if len(found) < wanted:
            return None
        chosen = _nearest_first(own if len(own) >= wanted else found, near, wanted) if wanted else ()
        places = (*along, *(lot.place for lot in chosen))
        lots.extend(chosen)
        served.append((index, places))
        for lot in chosen:
            taken |= lot.devices
        for place in places:
            used |= 1 << place
    return _Draft(tuple(lots), tuple(served))


def _along(shape: Shape, request: PciRequest, lots: Iterable[Lot], used: int) -> list[int]:
    """Companions of what the server gets anyway that the request means: a GPU's audio function, asked for by name."""
    meant = set(shape.hardware.matching(request.alias))
    return [place for lot in lots for place in lot.companions if place in meant and not used >> place & 1]


def _found(
    shape: Shape,
    request: PciRequest,
    taken: int,
    near: Near | None,
    nodes: Sequence[int | None] | None,
    wanted: int,
) -> tuple[Lot, ...]:
    """The lots that a request may have: the nearest that are enough, where the guest has NUMA cells."""
    lots = shape.free_lots(request.alias, taken)
    if nodes is not None:
        lots = tuple(lot for lot in lots if lot.spot.node in nodes)
    if near is None:
        return _joined(shape, request, lots) if request.alias.link else lots
    allowed: tuple[Lot, ...] = ()
    for ring in near.rings(request.numa_policy):
        allowed = tuple(lot for lot in lots if ring(lot.spot.node))
        if request.alias.link:
            allowed = _joined(shape, request, allowed)
        if len(allowed) >= wanted:
            break
    return allowed


def _joined(shape: Shape, request: PciRequest, lots: tuple[Lot, ...]) -> tuple[Lot, ...]:
    """The lots of the best partition of as many GPUs as are asked for; none where no such partition is free."""
    free = 0
    for lot in lots:
        free |= 1 << lot.place
    number = best_partition(shape.hardware.partitions, free, request.count)
    gpus = 0 if number is None else shape.hardware.partitions[number]
    return tuple(lot for lot in lots if gpus >> lot.place & 1)


def _nearest_first(lots: tuple[Lot, ...], near: Near | None, count: int) -> tuple[Lot, ...]:
    """The best choice; where the guest's own cells have some but not enough, those and the best of the others."""
    own = tuple(lot for lot in lots if near is not None and lot.spot.node in near.cells)
    if len(own) >= count:
        return choose(own, count)[0]
    others = tuple(lot for lot in lots if lot not in own)
    return own + choose(others, count - len(own))[0]


def _all_at_once(shape: Shape, pci: tuple[PciRequest, ...], near: Near | None) -> _Draft | None:
    """Any assignment that serves all requests, without a preference."""
    lots: dict[Lot, None] = {}
    busy = 0
    for request in pci:
        for lot in shape.free_lots(request.alias):
            if not lot.free & busy and lot not in lots:
                lots[lot] = None
                busy |= lot.devices
    wanted = []
    for index, request in enumerate(pci):
        meant = set(_found(shape, request, 0, near, None, request.count)) & set(lots)
        wanted.append((index, request.count, sorted(meant, key=lambda lot: (lot.spot.tags, lot.place))))
    found = match([(count, options) for _, count, options in wanted])
    if found is None:
        return None
    served = tuple((index, tuple(lot.place for lot in got)) for (index, _, _), got in zip(wanted, found, strict=True))
    return _Draft(tuple(lot for got in found for lot in got), served)


def _cost(shape: Shape, pci: tuple[PciRequest, ...], draft: _Draft) -> Cost:
    """The cost of a draft: what it breaks is counted for each request's own kind of device."""
    broken = 0
    for request in {request.alias: request for request in pci}.values():
        free = shape.free_lots(request.alias)
        broken += cost_of(free, [lot for lot in draft.lots if lot in free]).broken
    return cost_of(draft.lots, draft.lots)._replace(broken=broken)
