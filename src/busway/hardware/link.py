"""The PCIe link above a function: how fast and how wide it is, and could be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from busway.hardware.tree import find_number, read_text

_UNKNOWN_WIDTHS = (0, 255)  # what the kernel prints for a link that is down or can't be read


@dataclass(frozen=True, slots=True)
class Link:
    """Speed in GT/s for each lane and width in lanes, now and at most; None is unknown.

    An idle GPU lowers its speed: a lower speed alone is not a fault, fewer lanes are.
    """

    speed: float | None = None
    width: int | None = None
    max_speed: float | None = None
    max_width: int | None = None

    @property
    def is_narrow(self) -> bool:
        """True when fewer lanes work than the function has."""
        return self.width is not None and self.max_width is not None and self.width < self.max_width

    def __str__(self) -> str:
        now, most = _words(self.speed, self.width), _words(self.max_speed, self.max_width)
        return now if now == most else f"{now} of {most}"


def read_link(folder: str) -> Link:
    """Reads the link of the function whose folder this is."""
    return Link(
        speed=_speed(read_text(f"{folder}/current_link_speed")),
        width=_width(f"{folder}/current_link_width"),
        max_speed=_speed(read_text(f"{folder}/max_link_speed")),
        max_width=_width(f"{folder}/max_link_width"),
    )


def _speed(text: str) -> float | None:
    """Reads `16.0 GT/s PCIe`; older kernels write `8 GT/s`, and all write `Unknown` or `Unknown speed`."""
    match = re.match(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) GT/s", text, re.ASCII)
    return float(match[1]) if match else None


def _width(path: str) -> int | None:
    width = find_number(path)
    return None if width is None or width < 0 or width in _UNKNOWN_WIDTHS else width


def _words(speed: float | None, width: int | None) -> str:
    return f"{'?' if speed is None else format(speed, 'g')} GT/s x{'?' if width is None else width}"
