"""Undo: what to do backwards when a step fails half-way."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from busway.domain.errors import BuswayError


class Undo:
    """Collects acts and runs them backwards on leaving the `with` block, unless `keep` was called.

    An undo that fails itself does not hide the first error: its words are added to that error's notes.
    """

    def __init__(self) -> None:
        self._acts: list[Callable[[], object]] = []

    def add(self, act: Callable[[], object]) -> None:
        """Remembers an act; the last one added runs first."""
        self._acts.append(act)

    def keep(self) -> None:
        """Forgets all acts: the step has succeeded."""
        self._acts.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        while self._acts:
            try:
                self._acts.pop()()
            except (BuswayError, OSError) as second:
                if error is None:
                    raise
                error.add_note(f"Undoing failed as well: {second}")
