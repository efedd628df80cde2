"""Chooses among the free lots of a host: near each other, and so that the largest sets of free lots stay whole.

Lots lie in nested sets: NUMA nodes hold PCIe switches, switches hold cards (a slot, or a PF with its VFs). The choice
depends on where the lots lie and on nothing else, so that it is worked out once for all hosts whose free lots lie alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from busway.scheduler.hardware import Lot, Spot

Lots = tuple[Lot, ...]


class Cost(NamedTuple):
    """The cost of a choice; costs are compared in the order of the fields, and the lowest wins.

    `nodes` and `switches` count those that the chosen lots lie on, `tags` counts their tags, `broken` is the value of the free sets
    before the choice minus the value after it.
    """

    nodes: int
    switches: int
    tags: int
    broken: int


# The value of a set of n free lots is weight * n * n: for the host, its nodes, their switches and their cards. The square
# makes one set of four worth more than four sets of one. Deeper sets weigh more, because lots that are so near are rarer.
_WEIGHTS = (1, 2, 4, 8)
_DEPTH = 3
_Spots = tuple[Spot, ...]
_Members = tuple[int, ...]


def choose(lots: Lots, count: int) -> tuple[Lots, Cost]:
    """Chooses `count` of the lots and returns them with their cost; there must be at least as many. Equal lots give equal choices."""
    chosen, cost = _choose(tuple(lot.spot for lot in lots), count)
    return tuple(lots[n] for n in chosen), cost


def cost_of(lots: Lots, taken: Sequence[Lot]) -> Cost:
    """The cost of taking `taken` out of the free lots."""
    chosen = set(taken)
    return _cost(tuple(lot.spot for lot in lots), tuple(n for n, lot in enumerate(lots) if lot in chosen))


@lru_cache(maxsize=65536)
def _choose(spots: _Spots, count: int) -> tuple[_Members, Cost]:
    chosen = _pick(spots, tuple(range(len(spots))), count, 0)
    return chosen, _cost(spots, tuple(sorted(chosen)))


@lru_cache(maxsize=65536)
def _cost(spots: _Spots, taken: _Members) -> Cost:
    rest = sorted(set(range(len(spots))) - set(taken))
    return Cost(
        nodes=len({spots[n].node for n in taken}),
        switches=len({spots[n].switch for n in taken}),
        tags=sum(spots[n].tags for n in taken),
        broken=_worth(spots, range(len(spots))) - _worth(spots, rest),
    )


def _worth(spots: _Spots, members: Sequence[int]) -> int:
    whole = _WEIGHTS[0] * len(members) ** 2
    for depth, weight in enumerate(_WEIGHTS[1:]):
        sizes = Counter(spots[n][depth] for n in members if spots[n][depth] is not None or depth == 0)
        whole += weight * sum(size * size for size in sizes.values())
    return whole


def _pick(spots: _Spots, members: _Members, count: int, depth: int) -> _Members:
    if count >= len(members):
        return members
    if depth == _DEPTH:
        return tuple(sorted(members, key=lambda n: (spots[n].tags, n))[:count])
    sets = _sets(spots, members, depth)
    if not any(len(each) >= count for each in sets):
        # No set is large enough: the largest goes whole, and the rest comes from the others.
        largest = min(sets, key=lambda each: (-len(each), each[0]))
        rest = tuple(n for n in members if n not in largest)
        return largest + _pick(spots, rest, count - len(largest), depth)
    options = [_pick(spots, each, count, depth + 1) for each in sets if len(each) >= count]
    return min(options, key=lambda option: (_cost(spots, tuple(sorted(option))), option[0]))


def _sets(spots: _Spots, members: _Members, depth: int) -> list[_Members]:
    found: dict[int | None, list[int]] = {}
    for n in members:
        found.setdefault(spots[n][depth], []).append(n)
    return [tuple(each) for each in found.values()]
