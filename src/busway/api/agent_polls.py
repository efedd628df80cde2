"""The agents that wait for news: the doorbell holds each poll, and one query for all of them stands in for a ring that was lost.

The same query, each second while anybody waits, marks the hosts whose reports said nothing new.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog

from busway.control.agents import access as agents
from busway.control.context import Control
from busway.domain.documents import Desired
from busway.domain.ids import HostId

FLOOR_SECONDS = 1.0

Run = Callable[..., Awaitable[Any]]
_log = structlog.get_logger("busway.agents")


@dataclass(eq=False, slots=True)
class _Poll:
    host_id: HostId
    after: int
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Polls:
    """Waiting polls of one process; all its methods run in the event loop's thread."""

    def __init__(self, control: Control, run: Run) -> None:
        self._control = control
        self._run = run
        self._polls: set[_Poll] = set()
        self._floor: asyncio.Task[None] | None = None

    async def wait(self, host_id: HostId, after: int, seconds: float) -> Desired | None:
        """The document as soon as its generation is over `after`; None when nothing is new within `seconds`."""
        loop, poll = asyncio.get_running_loop(), _Poll(host_id, after)
        deadline = time.monotonic() + seconds

        def heard() -> None:
            loop.call_soon_threadsafe(poll.news.set)

        stop = self._control.bell.listen(f"host:{host_id}", heard)
        try:
            while True:
                poll.news.clear()
                document: Desired | None = await self._run(agents.desired, self._control, host_id, after, 0)
                left = deadline - time.monotonic()
                if document is not None or left <= 0:
                    return document
                self._polls.add(poll)
                self.watch()
                with anyio.move_on_after(left):
                    await poll.news.wait()
                if not poll.news.is_set():
                    return None
        finally:
            self._polls.discard(poll)
            stop()

    def watch(self) -> None:
        """Has the floor run while there is something to look at."""
        if self._floor is None or self._floor.done():
            self._floor = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while self._polls or self._control.reports.waiting():
            await asyncio.sleep(FLOOR_SECONDS)
            try:
                generations = await self._run(
                    agents.look, self._control, frozenset(poll.host_id for poll in self._polls)
                )
            except Exception as error:
                # The top of a loop: whatever it was, polls end in time and the next look comes.
                _log.warning("waiting agents could not be looked at", why=str(error))
                continue
            for poll in self._polls:
                if generations.get(poll.host_id, poll.after) > poll.after:
                    poll.news.set()
