"""What idle agents cost a control process: each holds two polls and reports every ten seconds that nothing has changed."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from sqlalchemy import insert
from tests.api.many import NOON, host_row
from tests.api.serving import ApiServer, start_api_server

from benchmarks.folder import disk_folder
from benchmarks.registry import Benchmark, Measurement
from busway.control.hosts.joining import token_hash
from busway.domain.documents import HostResources, Observed
from busway.domain.ids import HostId
from busway.store import hosts
from busway.wire.documents import encode

AGENTS, FEW = 1000, 50
_SHORT = 1.0
_REPORT_SECONDS, _POLL_SECONDS = 10.0, 30
_NEWS = 20
# The aim: a tenth of one core for all of them.
_LIMIT = 10.0


@asynccontextmanager
async def _connected(address: tuple[str, int]) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class _Agent:
    """The conversations of one agent, as bytes on connections of their own."""

    def __init__(self, url: str, number: int, heard: asyncio.Queue[int]) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 0))
        self._number = number
        self._name = f"host{number:05}"
        self._heard = heard
        self.generation = 1
        self.reported = asyncio.Event()

    async def _ask(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], head: str, body: bytes) -> bytes:
        reader, writer = streams
        lines = f"{head} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._name}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(lines.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        if length:
            await reader.readexactly(length)
        return answer

    async def poll(self) -> None:
        """Waits for news, again and again."""
        async with _connected(self._address) as streams:
            while True:
                path = f"/agent/v1/hosts/{self._name}/desired?after={self.generation}&wait={_POLL_SECONDS}"
                answer = await self._ask(streams, f"GET {path}", b"")
                if b" 200 " in answer.split(b"\r\n")[0]:
                    self.generation += 1
                    self._heard.put_nowait(self._number)

    async def poll_consoles(self) -> None:
        """Waits for somebody who opens a console, again and again."""
        async with _connected(self._address) as streams:
            while True:
                await self._ask(streams, f"GET /agent/v1/hosts/{self._name}/consoles?wait={_POLL_SECONDS}", b"")

    async def report(self, count: int) -> None:
        """Reports the same every few seconds; all agents at different times."""
        sequence = 0
        await asyncio.sleep(_REPORT_SECONDS * self._number / count)
        while True:
            sequence += 1
            seen = Observed(self._name, sequence, self.generation, "boot", HostResources(64, 1 << 20, 1000))
            # One connection each: the server closes those that say nothing for a few seconds.
            async with _connected(self._address) as streams:
                answer = await self._ask(streams, f"PUT /agent/v1/hosts/{self._name}/observed", encode(seen))
            assert b" 204 " in answer.split(b"\r\n")[0], answer
            self.reported.set()
            await asyncio.sleep(_REPORT_SECONDS)


async def _play(server: ApiServer, count: int, seconds: float) -> tuple[float, float]:
    """Let agents be idle for a while; return the part of a core that the server took, and the median delay of news in seconds."""
    heard: asyncio.Queue[int] = asyncio.Queue()
    agents = [_Agent(server.url, number, heard) for number in range(count)]
    tasks = [
        asyncio.create_task(work)
        for agent in agents
        for work in (agent.poll(), agent.poll_consoles(), agent.report(count))
    ]
    for agent in agents:
        await agent.reported.wait()  # once in whole; only then they are idle
    await asyncio.sleep(1)
    busy, mine, began = time.process_time(), time.thread_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    share = (time.process_time() - busy - (time.thread_time() - mine)) / took
    delays = []
    for number in range(_NEWS):
        host_id = HostId(str(host_row(number)["id"]))
        began = time.perf_counter()
        await asyncio.to_thread(_change, server, host_id)
        assert await asyncio.wait_for(heard.get(), 30) == number
        delays.append(time.perf_counter() - began)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return share, statistics.median(delays)


def _change(server: ApiServer, host_id: HostId) -> None:
    with server.control.db.write() as tx:
        hosts.bump_generation(tx, host_id)
    server.control.bell.ring(f"host:{host_id}")


def _measure(seconds: float) -> Measurement:
    count = AGENTS if seconds >= _SHORT else FEW
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with disk_folder() as folder:
        server = start_api_server(folder, connections=(4 * AGENTS, 4 * AGENTS))
        try:
            rows = [
                {**host_row(number), "seen": NOON, "token_hash": token_hash(f"host{number:05}")}
                for number in range(count)
            ]
            with server.control.db.write() as tx:
                tx.execute(insert(hosts.hosts), rows)
            share, news = asyncio.run(_play(server, count, max(seconds, 1.0)))
        finally:
            server.stop()
    return Measurement(
        share * 1000,
        "thousandths of a core",
        _LIMIT * 10,
        f"the limit for {AGENTS:,} agents",
        (f"{count:,} idle agents; news reach their agent in {news * 1e3:,.0f} ms",),
    )


AGENTS_IDLE = Benchmark(
    "agents",
    "idle agents on loopback: polls for work and for consoles, and an unchanged report every 10 s; SQLite",
    _measure,
)
