"""Which CPUs of a NUMA node become a guest's own. Pure: the same cell and the same wish give the same CPUs.

The fewest cores are broken: whole free cores first, then a broken core whose free threads are just enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from busway.domain.dedicated_cpus import SHARED, GuestCpus, ThreadPolicy
from busway.domain.placement import GuestCell, NumaCell

_Core = tuple[int, ...]


def choose_cpus(cell: NumaCell, wanted: GuestCell) -> GuestCpus | None:
    """The CPUs of a host's cell for one cell of a guest; None where it has too few, or the guest shares its CPUs."""
    if wanted.threads is None:
        return None
    chosen = _choose(cell, wanted)
    if chosen is None:
        return None
    left = iter(chosen.pins)
    pins = tuple(SHARED if vcpu in wanted.shared else next(left) for vcpu in range(wanted.vcpus))
    return GuestCpus(pins, chosen.held, tuple(left))


def _choose(cell: NumaCell, wanted: GuestCell) -> GuestCpus | None:
    """The CPUs that a cell of a guest has for itself, those of its vCPUs first; None where the host's has too few."""
    free = [tuple(cpu for cpu in core if cpu not in cell.held) for core in cell.cores]
    whole = [core for core, left in zip(cell.cores, free, strict=True) if core == left]
    broken = [left for core, left in zip(cell.cores, free, strict=True) if left and core != left]
    if wanted.threads is ThreadPolicy.ISOLATE:
        return _one_of_each(whole, wanted.own_cpus)
    if wanted.threads is ThreadPolicy.REQUIRE:
        return _packed([core for core in whole if len(core) > 1], [], wanted.own_cpus)
    return _packed(whole, broken, wanted.own_cpus)


def cpus_of(host: Sequence[NumaCell], guest: Sequence[GuestCell], taken: Sequence[int]) -> tuple[GuestCpus, ...]:
    """The CPUs of each cell of a guest that lies on some cells of its host; none for a guest that shares its CPUs."""
    known = {cell.id: cell for cell in host}
    chosen = [choose_cpus(known[cell], wanted) for cell, wanted in zip(taken, guest, strict=False)]
    return tuple(cpus for cpus in chosen if cpus is not None)


def _one_of_each(cores: Sequence[_Core], count: int) -> GuestCpus | None:
    """One thread of each core; its other threads stand still."""
    if len(cores) < count:
        return None
    got = cores[:count]
    return GuestCpus(tuple(core[0] for core in got), tuple(sorted(cpu for core in got for cpu in core)))


def _packed(whole: Sequence[_Core], broken: Sequence[_Core], count: int) -> GuestCpus | None:
    """Whole cores while they are not too large, then the smallest rest of a core that is enough, then any threads."""
    pins: list[int] = []
    left = list(whole)
    while left and len(left[0]) <= count - len(pins):
        pins += left.pop(0)
    missing = count - len(pins)
    if missing:
        rests = sorted([*broken, *left], key=lambda core: (len(core) < missing, len(core), core))
        enough = next((core for core in rests if len(core) >= missing), None)
        pins += enough[:missing] if enough is not None else [cpu for core in rests for cpu in core][:missing]
    return GuestCpus(tuple(pins), tuple(sorted(pins))) if len(pins) == count else None
