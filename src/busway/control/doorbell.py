"""Wake-ups over a polling floor: a lost ring costs a little time and never correctness."""

from __future__ import annotations

import threading
from typing import Protocol


class Doorbell(Protocol):
    """Rings topics such as "place" or "host:<id>"; anyone may wait on one."""

    def ring(self, topic: str) -> None:
        """Wakes everyone who waits on the topic, in any process where the bell reaches that far."""

    def count(self, topic: str) -> int:
        """How often the topic rang so far, for `wait` not to miss a ring between looking and waiting."""

    def wait(self, topic: str, seen: int, seconds: float) -> bool:
        """Returns True as soon as the topic rang more than `seen` times, False after `seconds`."""


class LocalDoorbell:
    """A doorbell within one process."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._changed = threading.Condition()

    def ring(self, topic: str) -> None:
        """Wakes the waiting threads of this process."""
        with self._changed:
            self._counts[topic] = self._counts.get(topic, 0) + 1
            self._changed.notify_all()

    def count(self, topic: str) -> int:
        """How often the topic rang in this process."""
        with self._changed:
            return self._counts.get(topic, 0)

    def wait(self, topic: str, seen: int, seconds: float) -> bool:
        """Waits on a condition, at most `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._counts.get(topic, 0) > seen, timeout=seconds)
