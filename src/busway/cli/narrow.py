"""A table for a narrow terminal: short times and ids, then fewer columns, then one column that is folded (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

BETWEEN = 3  # letters between two columns, and one on each side
_SIDES = 2
_LEAST = 20  # letters that the column which is folded should have at least
_TIME = re.compile(r"\d{4}-(\d\d-\d\d)T(\d\d:\d\d:\d\d)\.?\d*(?:Z|\+00:00)?")
_ID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DOMAIN = re.compile(r"\b0000:([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])")
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Narrow:
    """What is printed: the columns with the most letters of each, the rows, and the columns that are left out."""

    columns: tuple[str, ...]
    widths: tuple[int, ...]
    rows: Rows
    left_out: tuple[str, ...] = ()


def narrowed(columns: Sequence[str], rows: Rows, width: int, least: Sequence[str] = ()) -> Narrow:
    """The table as it is where it fits; `least` are the columns that may be left out, the first of them first."""
    if _total(_widths(columns, rows)) <= width:
        return Narrow(tuple(columns), _widths(columns, rows), rows)
    shown, rows = list(columns), [[_short(cell) for cell in row] for row in rows]
    left_out: list[str] = []
    for name in least:
        widths = _widths(shown, rows)
        longest = max(widths)
        if _total(widths) - longest + min(longest, _LEAST) <= width:
            break
        if name in shown and len(shown) > 1:
            place = shown.index(name)
            del shown[place]
            rows = [[*row[:place], *row[place + 1 :]] for row in rows]
            left_out.append(name)
    return Narrow(tuple(shown), _folded(_widths(shown, rows), width), rows, tuple(left_out))


def _folded(widths: tuple[int, ...], width: int) -> tuple[int, ...]:
    """The widest columns give what is too much, in turn, so that the short ones stay whole."""
    found = list(widths)
    while _total(found) > width and max(found) > 1:
        found[found.index(max(found))] -= 1
    return tuple(found)


def _widths(columns: Sequence[str], rows: Rows) -> tuple[int, ...]:
    return tuple(
        max([len(name), *(len(line) for row in rows for line in row[place].splitlines())])
        for place, name in enumerate(columns)
    )


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1) + _SIDES


def _short(cell: str) -> str:
    """A cell with short times and ids, and addresses without the domain 0000."""
    return _DOMAIN.sub(r"\1", _ID.sub(r"\1", _TIME.sub(r"\1 \2", cell)))
