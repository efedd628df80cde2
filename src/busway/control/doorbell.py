"""Wake-ups over a polling floor: a lost ring costs a little time and never correctness."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from busway.store.database import Database
from busway.store.notify import Notifier


class Doorbell(Protocol):
    """Rings topics such as "place" or "host:<id>"; anyone may wait on one."""

    def ring(self, topic: str) -> None:
        """Wakes everyone who waits on the topic, in any process where the bell reaches that far."""

    def count(self, topic: str) -> int:
        """How often the topic rang so far, for `wait` not to miss a ring between looking and waiting."""

    def wait(self, topic: str, seen: int, seconds: float) -> bool:
        """Returns True as soon as the topic rang more than `seen` times, False after `seconds`."""

    def listen(self, topic: str, heard: Callable[[], None]) -> Callable[[], None]:
        """Calls `heard` at each ring of the topic, in the thread that rings, until what this returns is called."""

    def close(self) -> None:
        """Ends what the bell needs; it is not to be used any more."""


class LocalDoorbell:
    """A doorbell within one process; a ring wakes those who wait for its topic, and nobody else."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._for_all = 0
        self._lock = threading.Lock()
        self._waiting: dict[str, list[threading.Event]] = {}
        self._listening: dict[str, list[Callable[[], None]]] = {}

    def ring(self, topic: str) -> None:
        """Wakes the waiting threads of this process."""
        with self._lock:
            self._counts[topic] = self._counts.get(topic, 0) + 1
            for waiting in self._waiting.get(topic, ()):
                waiting.set()
            called = list(self._listening.get(topic, ()))
        for heard in called:
            heard()

    def ring_all(self) -> None:
        """Wakes everyone, whatever they wait for."""
        with self._lock:
            self._for_all += 1
            for several in self._waiting.values():
                for waiting in several:
                    waiting.set()
            called = [heard for several in self._listening.values() for heard in several]
        for heard in called:
            heard()

    def count(self, topic: str) -> int:
        """How often the topic rang in this process."""
        with self._lock:
            return self._counts.get(topic, 0) + self._for_all

    def wait(self, topic: str, seen: int, seconds: float) -> bool:
        """Waits for an event of its own, at most `seconds`."""
        rung = threading.Event()
        with self._lock:
            if self._counts.get(topic, 0) + self._for_all > seen:
                return True
            self._waiting.setdefault(topic, []).append(rung)
        rang = rung.wait(seconds)
        with self._lock:
            self._waiting[topic].remove(rung)
            if not self._waiting[topic]:
                del self._waiting[topic]
        return rang

    def listen(self, topic: str, heard: Callable[[], None]) -> Callable[[], None]:
        """Calls `heard` at each ring in this process."""
        with self._lock:
            self._listening.setdefault(topic, []).append(heard)

        def stop() -> None:
            with self._lock:
                self._listening[topic].remove(heard)
                if not self._listening[topic]:
                    del self._listening[topic]

        return stop

    def close(self) -> None:
        """Does nothing: there is only this process."""


class SharedDoorbell(LocalDoorbell):
    """A doorbell that rings in every control process on one PostgreSQL.

    Its own process hears it at once. Others hear it within milliseconds while PostgreSQL can be reached, and when it
    can be reached again, all are woken: nobody knows what rang in between.
    """

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._notifier = Notifier(database, heard=super().ring, reconnected=self.ring_all)

    def ring(self, topic: str) -> None:
        """Wakes the waiting threads of all processes."""
        super().ring(topic)
        self._notifier.notify(topic)

    def close(self) -> None:
        """Ends the connection."""
        self._notifier.close()


def doorbell_for(database: Database) -> Doorbell:
    """The doorbell that reaches every process on a database: a SQLite file has one control process."""
    return LocalDoorbell() if database.is_sqlite else SharedDoorbell(database)
