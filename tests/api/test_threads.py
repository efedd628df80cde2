"""The threads of the API are shared: who asks for much waits for himself."""

from __future__ import annotations

import threading

import anyio
import pytest

from busway.api.operation import API_THREADS, SHARE, Threads

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_one_who_asks_for_more_than_all_threads_leaves_room_for_others() -> None:
    threads, gate, running = Threads(1), threading.Event(), []

    def work(who: str) -> None:
        running.append(who)
        if who == "greedy":
            gate.wait(30)

    async def ask(who: str) -> None:
        async with threads.share(who):
            await threads.call(work, who)

    async with anyio.create_task_group() as group:
        for _ in range(2 * API_THREADS):
            group.start_soon(ask, "greedy")
        with anyio.fail_after(20):
            while len(running) < SHARE:
                await anyio.sleep(0.01)
            await ask("modest")
        so_far = list(running)
        gate.set()

    assert so_far == ["greedy"] * SHARE + ["modest"]
    assert len(running) == 2 * API_THREADS + 1


async def test_what_nobody_uses_is_forgotten() -> None:
    threads = Threads(1)

    for number in range(100):
        async with threads.share(f"token {number}"):
            pass

    assert threads._shares == {}
