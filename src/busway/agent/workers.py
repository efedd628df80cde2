"""One worker per server with work, so that no server waits for another one's download or for a call that hangs.

The main loop plans, starts work and continues. A worker whose server is wanted otherwise by now is cancelled: its
long acts ask for that now and then. A worker that hangs keeps its own server busy, and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from busway.domain.errors import Unavailable
from busway.domain.ids import ServerId
from busway.reconciler.steps import Step

_LOOK = 0.05  # seconds between two looks while waiting
_LONG = 1.0  # seconds that a step which may take hours is waited for

Carry = Callable[["Work"], None]
Spawn = Callable[[Callable[[], None], str], None]


def in_thread(run: Callable[[], None], name: str) -> None:
    """Runs in a thread that does not keep the process from ending: an agent may die at any moment."""
    threading.Thread(target=run, name=name, daemon=True).start()


def at_once(run: Callable[[], None], _name: str) -> None:
    """Runs before it returns: for tests that must know the order of all acts."""
    run()


class Work:
    """The steps of one server, planned for one wish.

    `current` is the step that is being done, `since` when it began, `is_long` whether it may take minutes or hours.
    """

    def __init__(self, server_id: ServerId, wish: str, steps: Sequence[Step]) -> None:
        self.server_id = server_id
        self.wish = wish
        self.steps = tuple(steps)
        self.current = ""
        self.since = 0.0
        self.is_long = False
        self.done = 0
        self.unfinished = False
        self.ended = threading.Event()
        self.death: BaseException | None = None  # what ended the whole process, in a test
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Asks it to end; no further step is begun."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """True when it was asked to end."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raises when it was asked to end; long acts call it now and then."""
        if self.is_cancelled:
            raise Unavailable(
                f"The work for server {self.server_id} is no longer wanted",
                detail="Its desired state has changed since then.",
                code="work-cancelled",
            )


class Workers:
    """The work that is under way; only the agent's main loop calls it."""

    def __init__(self, carry_out: Carry, spawn: Spawn = in_thread) -> None:
        self._carry_out = carry_out
        self._spawn = spawn
        self._works: dict[ServerId, Work] = {}

    @property
    def works(self) -> tuple[Work, ...]:
        """The work that is in progress, or that has ended and was not collected yet."""
        return tuple(self._works.values())

    @property
    def busy(self) -> frozenset[ServerId]:
        """The servers that are being worked on."""
        return frozenset(self._works)

    def begin(self, server_id: ServerId, wish: str, steps: Sequence[Step]) -> Work:
        """Begins the steps of a server that is not busy."""
        work = self._works[server_id] = Work(server_id, wish, steps)
        self._spawn(lambda: self._run(work), f"server {server_id}")
        if work.death is not None:
            raise work.death
        return work

    def cancel_others(self, wishes: Mapping[ServerId, str]) -> None:
        """Cancels the work for what is no longer wanted."""
        for work in self.works:
            if wishes.get(work.server_id) != work.wish:
                work.cancel()

    def cancel_all(self) -> None:
        """Cancels everything."""
        for work in self.works:
            work.cancel()

    def wait(self, works: Sequence[Work], seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Waits until this work has ended, at most `seconds`, and for long steps one second; `meanwhile` is called then."""
        begun = time.monotonic()
        for work in works:
            while not work.ended.wait(_LOOK):
                waited = time.monotonic() - begun
                pending = [one for one in works if not one.ended.is_set()]
                if waited >= (min(seconds, _LONG) if all(one.is_long for one in pending) else seconds):
                    return
                meanwhile()

    def collect(self) -> list[Work]:
        """Takes out the work that has ended."""
        ended = [work for work in self.works if work.ended.is_set()]
        for work in ended:
            del self._works[work.server_id]
        return ended

    def _run(self, work: Work) -> None:
        try:
            self._carry_out(work)
        except BaseException as error:  # what a step may raise is dealt with there: this ends the process, or is a bug
            work.death = error
            work.unfinished = True
        finally:
            work.ended.set()


class Locks:
    """Locks by name, for what several servers share: a slot's functions, an image."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def hold(self, name: str, check: Callable[[], None]) -> Iterator[None]:
        """Waits for the lock; `check` is called now and then and ends the waiting by raising."""
        while not self._take(name):
            check()
            time.sleep(_LOOK)
        try:
            yield
        finally:
            with self._guard:
                self._held.discard(name)

    def _take(self, name: str) -> bool:
        with self._guard:
            if name in self._held:
                return False
            self._held.add(name)
            return True
