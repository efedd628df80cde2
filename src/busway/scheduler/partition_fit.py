"""Chooses a partition of an NVLink fabric: of those whose GPUs are free, the one that leaves the largest others free.

Sets of GPUs are bits of one integer. Every partition of the size is tried, so that no other choice leaves more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping


def best_partition(partitions: Mapping[int, int], free: int, size: int) -> int | None:
    """The number of the best partition of `size` GPUs; of equal ones the lowest, None where none is free.

    `partitions` are the GPUs of each by its number. The best is the one after which most of the largest partitions are
    free, then most of the next smaller ones.
    """
    candidates = [
        number for number, gpus in sorted(partitions.items()) if gpus.bit_count() == size and not gpus & ~free
    ]
    return max(candidates, key=lambda number: left(partitions, free & ~partitions[number]), default=None)


def left(partitions: Mapping[int, int], free: int) -> tuple[int, ...]:
    """How many partitions of each size are free, the largest size first."""
    sizes = sorted({gpus.bit_count() for gpus in partitions.values()}, reverse=True)
    return tuple(len(_free(partitions.values(), free, size)) for size in sizes)


def _free(partitions: Collection[int], free: int, size: int) -> list[int]:
    return [gpus for gpus in partitions if gpus.bit_count() == size and not gpus & ~free]
