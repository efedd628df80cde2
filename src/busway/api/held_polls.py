"""Long polls of agents: the doorbell ends each one, and one query for all of them stands in for a ring that was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import structlog

from busway.api.closing import Closing
from busway.control.doorbell import Doorbell
from busway.domain.ids import HostId

FLOOR_SECONDS = 1.0

Run = Callable[..., Awaitable[Any]]
_News = TypeVar("_News")
_log = structlog.get_logger("busway.agents")


@dataclass(frozen=True, slots=True)
class Floor:
    """The query for all waiting hosts of a process, once a second while anybody waits.

    `look` returns a number for each host that has one; a poll ends when the number is over the one that it came with.
    `more` says that there is something to look at although no poll waits.
    """

    look: Callable[[frozenset[HostId]], Mapping[HostId, int]]
    more: Callable[[], bool] = lambda: False


@dataclass(eq=False, slots=True)
class _Poll:
    host_id: HostId
    after: int
    news: asyncio.Event = field(default_factory=asyncio.Event)


class HeldPolls:
    """Waiting polls of one process; all its methods run in the event loop's thread. They end at once when the server stops."""

    def __init__(self, bell: Doorbell, run: Run, floor: Floor, closing: Closing) -> None:
        self._bell = bell
        self._run = run
        self._floor = floor
        self._closing = closing
        self._polls: set[_Poll] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def wait(
        self, topic: str, host_id: HostId, after: int, seconds: float, read: Callable[[], _News | None]
    ) -> _News | None:
        """What `read` returns as soon as it is not None; None when that does not happen within `seconds`."""
        loop, poll = asyncio.get_running_loop(), _Poll(host_id, after)
        deadline = time.monotonic() + seconds

        def heard() -> None:
            loop.call_soon_threadsafe(poll.news.set)

        stop = self._bell.listen(topic, heard)
        stop_closing = self._closing.listen(poll.news.set)
        try:
            while True:
                poll.news.clear()
                news: _News | None = await self._run(read)
                left = deadline - time.monotonic()
                if news is not None or left <= 0:
                    return news
                self._polls.add(poll)
                self.watch()
                with anyio.move_on_after(left):
                    await poll.news.wait()
                if not poll.news.is_set() or self._closing.begun:
                    return None
        finally:
            self._polls.discard(poll)
            stop_closing()
            stop()

    def watch(self) -> None:
        """Makes sure that the floor runs while there is something to look at."""
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (self._polls or self._floor.more()) and not self._closing.begun:
            await asyncio.sleep(FLOOR_SECONDS)
            try:
                found = await self._run(self._floor.look, frozenset(poll.host_id for poll in self._polls))
            except Exception as error:
                # The top of a loop: whatever it was, polls end in time and the next look comes.
                _log.warning("waiting agents could not be looked at", why=str(error))
                continue
            for poll in self._polls:
                if found.get(poll.host_id, poll.after) > poll.after:
                    poll.news.set()
