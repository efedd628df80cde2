"""A deaf doorbell, and the contract that every doorbell keeps: it shortens waits and never lengthens them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from busway.control.doorbell import Doorbell

HEARD_SECONDS = 10.0


class DeafDoorbell:
    """A doorbell of which every ring is lost: what works with it does not need it."""

    def ring(self, topic: str) -> None:
        """Is not heard."""

    def count(self, topic: str) -> int:  # noqa: ARG002 - it hears nothing of any topic
        """Nothing was heard so far."""
        return 0

    def wait(self, topic: str, seen: int, seconds: float) -> bool:  # noqa: ARG002
        """Waits all the time."""
        time.sleep(seconds)
        return False

    def listen(self, topic: str, heard: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002
        """Never calls anybody."""
        return _nothing

    def close(self) -> None:
        """Does nothing."""


def _nothing() -> None:
    """Ends what never began."""


def a_wait_ends_in_time_without_a_ring(bell: Doorbell) -> None:
    """Nobody waits longer than asked."""
    began = time.monotonic()
    assert not bell.wait("place", bell.count("place"), 0.05)
    assert 0.04 < time.monotonic() - began < HEARD_SECONDS


def a_count_never_goes_back(bell: Doorbell) -> None:
    """A count is a level that only grows."""
    counts = []
    for _ in range(5):
        counts.append(bell.count("place"))
        bell.ring("place")
    assert counts == sorted(counts)


def a_ring_between_looking_and_waiting_is_heard(ringer: Doorbell, hearer: Doorbell) -> None:
    """What rang after the count was taken ends the wait at once."""
    seen = hearer.count("place")
    ringer.ring("place")
    assert hearer.wait("place", seen, HEARD_SECONDS)
    assert hearer.count("place") > seen


def a_ring_wakes_who_waits(ringer: Doorbell, hearer: Doorbell) -> None:
    """A waiting thread is woken."""
    heard: list[bool] = []
    seen = hearer.count("host:1")
    waiting = threading.Thread(target=lambda: heard.append(hearer.wait("host:1", seen, HEARD_SECONDS)))
    waiting.start()
    ringer.ring("host:1")
    waiting.join(HEARD_SECONDS + 1)
    assert heard == [True]


def a_ring_is_for_its_topic(ringer: Doorbell, hearer: Doorbell) -> None:
    """Waiters for other topics keep waiting."""
    seen = hearer.count("host:1"), hearer.count("host:2")
    ringer.ring("host:2")
    assert hearer.wait("host:2", seen[1], HEARD_SECONDS)
    assert hearer.count("host:1") == seen[0]


def a_ring_calls_who_listens_until_they_stop(ringer: Doorbell, hearer: Doorbell) -> None:
    """Who listens is called at each ring of the topic, and not after the end."""
    heard, other = threading.Event(), threading.Event()
    stop = hearer.listen("host:1", heard.set)
    stop_other = hearer.listen("host:2", other.set)
    ringer.ring("host:1")
    assert heard.wait(HEARD_SECONDS)
    assert not other.is_set()
    stop()
    heard.clear()
    ringer.ring("host:1")
    ringer.ring("host:2")
    assert other.wait(HEARD_SECONDS)  # rings come in order: the other one was not told either
    assert not heard.is_set()
    stop_other()


OF_ALL: tuple[Callable[[Doorbell], None], ...] = (a_wait_ends_in_time_without_a_ring, a_count_never_goes_back)
OF_HEARING: tuple[Callable[[Doorbell, Doorbell], None], ...] = (
    a_ring_between_looking_and_waiting_is_heard,
    a_ring_wakes_who_waits,
    a_ring_is_for_its_topic,
    a_ring_calls_who_listens_until_they_stop,
)
