"""One decision of the scheduler: where a server with k GPUs goes among many hosts, and the snapshot after it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from tools.peers import PEERS

from benchmarks.placement_cloud import GPUS, busy_cloud, cloud, request
from benchmarks.registry import Benchmark, Measurement
from busway.domain.placement import Placement, Snapshot
from busway.scheduler.index import index_of
from busway.scheduler.place import after, place

HOSTS = (100, 1_000, 5_000, 10_000)
COUNTS = (1, 2, 4, 8)
_DECISIONS = 100
_SHORT = 1.0  # below so many seconds only the smallest clouds are measured


@dataclass(frozen=True, slots=True)
class Decisions:
    """Times of decisions in microseconds: the first of its kind, the median of those that follow, and one refusal."""

    first: float
    median: float
    refusal: float


def decide(snapshot: Snapshot, count: int) -> Decisions:
    """Place servers one after the other, each on the snapshot that the one before has left."""
    took: list[float] = []
    first = 0.0
    for number in range(min(_DECISIONS, len(snapshot.hosts) * GPUS // count // 4)):
        wanted = request(count, number)
        began = time.perf_counter()
        answer = place(snapshot, wanted)
        assert isinstance(answer, Placement), answer
        snapshot = after(snapshot, wanted, answer)
        took.append((time.perf_counter() - began) * 1e6)
        first = first or took[0]
    began = time.perf_counter()
    place(snapshot, request(GPUS + 1))
    return Decisions(first, statistics.median(took), (time.perf_counter() - began) * 1e6)


def derive(snapshot: Snapshot) -> float:
    """Derive the index of a snapshot; return the milliseconds."""
    began = time.perf_counter()
    index_of(snapshot)
    return (time.perf_counter() - began) * 1e3


def _measure(seconds: float) -> Measurement:
    sizes = HOSTS if seconds >= _SHORT else HOSTS[:2]
    found: dict[tuple[int, int], Decisions] = {}
    lines = []
    for hosts in sizes:
        empty, busy = cloud(hosts), busy_cloud(hosts)
        index, of_busy = derive(empty), derive(busy)
        for count in COUNTS:
            found[hosts, count] = decide(empty, count)
        lines.append(_line(f"{hosts:>6,} hosts", index, [found[hosts, count] for count in COUNTS]))
        lines.append(_line(f"{'':>6} half taken", of_busy, [decide(busy, count) for count in COUNTS[:3]]))
    if not PEERS.python.exists():
        lines.append("Nova and Placement are not installed: `make bench-peers` installs and measures them")
    return Measurement(
        figure=found[1_000, 4].median,
        unit="us/decision",
        reference=found[100, 4].median,
        reference_name="the same among a tenth of the hosts",
        details=(f"k = {', '.join(map(str, COUNTS))}: median us, (first us); then a refusal", *lines),
    )


def _line(what: str, index: float, decisions: list[Decisions]) -> str:
    times = "  ".join(f"{each.median:>5.0f} ({each.first:>6,.0f})" for each in decisions)
    return f"{what:<18} index once {index:>6.1f} ms   {times:<62} refusal {decisions[0].refusal / 1000:>6.1f} ms"


PLACEMENT = Benchmark(
    name="placement",
    about="a server with 4 GPUs among 1,000 hosts of 8, and the snapshot after it",
    measure=_measure,
)
