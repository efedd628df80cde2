"""Gives each of several demands as many items as it needs, from the items that it accepts; each item goes to one demand.

Augmenting paths, as in Kuhn's algorithm for bipartite matching: if an assignment exists, it is found.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

_T = TypeVar("_T", bound=Hashable)


def match(demands: Sequence[tuple[int, Sequence[_T]]]) -> list[list[_T]] | None:
    """The items of each demand, or None if not all demands can be served. A demand is a count and the items that it accepts."""
    owner: dict[_T, int] = {}
    for index, (count, _) in enumerate(demands):
        for _ in range(count):
            if not _take(index, demands, owner, set()):
                return None
    return [[thing for thing in options if owner.get(thing) == index] for index, (_, options) in enumerate(demands)]


def _take(index: int, demands: Sequence[tuple[int, Sequence[_T]]], owner: dict[_T, int], tried: set[_T]) -> bool:
    """Takes one item for a demand, and moves other demands to other items if that helps."""
    for thing in demands[index][1]:
        if thing in tried or owner.get(thing) == index:
            continue
        tried.add(thing)
        if thing not in owner or _take(owner[thing], demands, owner, tried):
            owner[thing] = index
            return True
    return False
