"""The work of the loops of one process: counts and times in memory, for metrics and other readers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class LoopRecord:
    """One loop since the process began. Times are in seconds; `last_run` is since the epoch, 0 before the first turn.

    `failed` counts turns that ended with an error, `items_failed` single items that did; `last_error` is the newest
    of both.
    """

    turns: int = 0
    failed: int = 0
    items_failed: int = 0
    seconds: float = 0.0
    last_seconds: float = 0.0
    last_run: float = 0.0
    last_error: str = ""


@dataclass(slots=True)
class LoopRecords:
    """The records of all loops, by name; safe to use from many threads. `stopping` tells turns that take long to end."""

    _records: dict[str, LoopRecord] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)

    def all(self) -> dict[str, LoopRecord]:
        """The records as they are now."""
        with self._lock:
            return dict(self._records)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Counts a turn and its time; an error is counted and passed on."""
        began, at = time.monotonic(), time.time()
        error = ""
        try:
            yield
        except Exception as raised:
            error = _words(raised)
            raise
        finally:
            took = time.monotonic() - began
            with self._lock:
                old = self._records.get(name, LoopRecord())
                self._records[name] = replace(
                    old,
                    turns=old.turns + 1,
                    failed=old.failed + bool(error),
                    seconds=old.seconds + took,
                    last_seconds=took,
                    last_run=at,
                    last_error=error or old.last_error,
                )

    def item_failed(self, name: str, error: Exception) -> None:
        """Counts an item that ended with an error and did not stop its turn."""
        with self._lock:
            old = self._records.get(name, LoopRecord())
            self._records[name] = replace(old, items_failed=old.items_failed + 1, last_error=_words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
