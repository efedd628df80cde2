"""The number of a report. It grows with each report, even if the clock is set back or the agent restarts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from busway.agent.record import read_record
from busway.domain.errors import HostError
from busway.hardware.durable import write_durably

_RESERVE = 60_000_000_000  # numbers (nanoseconds) that are written down at once: the disk is asked once a minute


class _Reserved(msgspec.Struct):
    up_to: int


class Sequence:
    """Numbers that are the time in nanoseconds where that grows, and one more than the last where it does not.

    The file says up to where numbers may have been used: the next agent begins above.
    """

    def __init__(self, path: Path, wall_ns: Callable[[], int]) -> None:
        self._path = path
        self._wall_ns = wall_ns
        self._last = self._reserved = self._read()

    def next(self) -> int:
        """The number of the next report."""
        self._last = max(self._wall_ns(), self._last + 1)
        if self._last > self._reserved:
            self._reserve(self._last + _RESERVE)
        return self._last

    def _reserve(self, up_to: int) -> None:
        """Writes down what may be used; a full disk does not keep the host from reporting."""
        with suppress(OSError):
            write_durably(self._path, msgspec.json.encode(_Reserved(up_to)))
            self._reserved = up_to

    def _read(self) -> int:
        try:
            kept = read_record(self._path, _Reserved)
        except HostError:  # a damaged file: the clock is the best that is left
            return 0
        return kept.up_to if kept else 0
