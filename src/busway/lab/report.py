"""How long work tells its reader what it is doing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Report:
    """Hears about each step of long work; this one keeps the seconds and says nothing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Enclose one step; an error passes through after the step is reported as failed."""
        begun = time.monotonic()
        self.began(name)
        try:
            yield
        except BaseException:
            self.ended(name, time.monotonic() - begun, failed=True)
            raise
        self.seconds[name] = time.monotonic() - begun
        self.ended(name, self.seconds[name], failed=False)

    def began(self, name: str) -> None:
        """A step begins."""

    def ended(self, name: str, seconds: float, *, failed: bool) -> None:
        """A step ended."""


class PlainReport(Report):
    """Writes one line when a step begins and one with its seconds when it ends."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out

    def began(self, name: str) -> None:
        """Write the step's name."""
        self._line(f"{name} ...")

    def ended(self, name: str, seconds: float, *, failed: bool) -> None:
        """Write the step's name and its seconds."""
        self._line(f"{name}: {'failed after ' if failed else ''}{seconds:.1f} s")

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()
