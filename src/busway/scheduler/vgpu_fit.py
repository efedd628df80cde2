"""Whether vGPUs fit on a card beside those that it has, where each goes, and why not.

In equal-size mode all have one size, and as many fit as the frame buffer holds; of a card of which nobody knows how many
that are, its host says how many are left. In mixed-size mode each needs a start that
its vendor lists for its size, and no two may overlap. All choices are considered: what is refused here fits in no way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from busway.domain.vgpu import SharedCard, SizeMode, Vgpu

_Starts = tuple[int, ...]
_Choice = tuple[tuple[int, ...], _Starts]
_State = tuple[int, int, int]


def fit(card: SharedCard, sizes: Sequence[int]) -> tuple[Vgpu, ...] | None:
    """A vGPU for each size in its order, or None where they do not fit together.

    In mixed-size mode they are put where most places are left for the largest sizes, then for the next smaller ones.
    """
    if not sizes:
        return ()
    if card.mode is SizeMode.EQUAL:
        return tuple(Vgpu(size) for size in sizes) if _equal_reason(card, sizes) is None else None
    busy = _busy(card)
    if busy is None:
        return None
    order = sorted(range(len(sizes)), key=lambda n: -sizes[n])
    found = _starts(card.model, busy, tuple(sizes[n] for n in order))
    if found is None:
        return None
    starts = dict(zip(order, found, strict=True))
    return tuple(Vgpu(size, starts[n]) for n, size in enumerate(sizes))


def why_not(card: SharedCard, sizes: Sequence[int]) -> str:
    """Why `fit` returned None, in words."""
    wanted = _counted(sizes)
    if card.mode is SizeMode.EQUAL:
        return _equal_reason(card, sizes) or ""
    if _busy(card) is None:
        return f"{card.name} has a vGPU of which nobody knows where it lies"
    unknown = next((size for size in sizes if not card.starts(size)), None)
    if unknown is not None:
        return f"no place is known for {unknown} GB on a {card.model} in mixed-size mode"
    places = "; ".join(
        f"{size} GB may begin at {_listed(card.starts(size))}" for size in sorted(set(sizes), reverse=True)
    )
    held = f"it has {', '.join(map(str, card.held))}" if card.held else "it is empty"
    return f"{wanted} can't lie side by side on {card.name} ({card.model}, mixed sizes): {places}; {held}"


def _equal_reason(card: SharedCard, sizes: Sequence[int]) -> str | None:
    has = [each.size for each in card.held]
    if len({*sizes, *has}) > 1:
        beside = f" and has {_counted(has)}" if has else ""
        return f"{card.name} is in equal-size mode{beside}: it does not take {_counted(sizes)}"
    most = card.most(sizes[0])
    if most is not None and len(sizes) + len(has) > most:
        return f"{card.name} ({card.model}) holds {most} x {sizes[0]} GB and has {len(has)}"
    return None


def _busy(card: SharedCard) -> int | None:
    """The regions that are taken, as bits; None when one of the vGPUs may lie anywhere."""
    busy = 0
    for each in card.held:
        if each.start is None:
            return None
        busy |= _bits(each.start, each.size)
    return busy


def _bits(start: int, size: int) -> int:
    return ((1 << size) - 1) << start


@lru_cache(maxsize=4096)
def _starts(model: str, busy: int, sizes: tuple[int, ...]) -> _Starts | None:
    """The best starts for sizes, the largest first, on a card of which these regions are busy."""
    found = _search(SharedCard("", model), sizes, 0, busy, {})
    return found[1] if found else None


def _search(
    card: SharedCard, sizes: tuple[int, ...], lowest: int, busy: int, known: dict[_State, _Choice | None]
) -> _Choice | None:
    """The best worth and the starts of `sizes`; equal sizes are laid in rising order only.

    The worth is how many places are left for each size of the table, the largest size first.
    """
    if not sizes:
        return _left(card, busy), ()
    state = len(sizes), lowest, busy
    if state in known:
        return known[state]
    best: _Choice | None = None
    size, rest = sizes[0], sizes[1:]
    for start in card.starts(size):
        if start < lowest or _bits(start, size) & busy:
            continue
        after = start + 1 if rest[:1] == (size,) else 0
        found = _search(card, rest, after, busy | _bits(start, size), known)
        if found is not None and (best is None or found[0] > best[0]):
            best = found[0], (start, *found[1])
    known[state] = best
    return best


def _left(card: SharedCard, busy: int) -> tuple[int, ...]:
    return tuple(sum(1 for start in card.starts(size) if not _bits(start, size) & busy) for size in card.sizes)


def _counted(sizes: Iterable[int]) -> str:
    counts = Counter(sizes)
    return " + ".join(f"{counts[size]} x {size} GB" for size in sorted(counts, reverse=True))


def _listed(starts: Sequence[int]) -> str:
    return ", ".join(map(str, starts))
