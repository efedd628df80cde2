"""A cloud of 80,000 devices: what it takes to begin with, and what each host and each device weighs in memory."""

from __future__ import annotations

import gc
import sqlite3
import time
import tracemalloc
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.cloud_rows import GPUS, add_hosts, open_cloud
from benchmarks.folder import disk_folder
from benchmarks.registry import Benchmark, Measurement
from busway.control.context import Control
from busway.control.placement.memory import SnapshotMemory
from busway.control.placement.snapshot import take_snapshot
from busway.domain.placement import Snapshot
from busway.scheduler.index import index_of

HOSTS, FEW_HOSTS = 10_000, 200
_SHORT = 1.0
_TABLES = ("hosts", "devices")


def _begin(control: Control) -> Snapshot:
    """Take the first snapshot of a process and derive its index."""
    with control.db.read() as tx:
        snapshot = take_snapshot(control, tx)
    index_of(snapshot)
    return snapshot


def _select(file: Path) -> tuple[float, dict[str, int]]:
    """Read the same rows with the bare driver; return the seconds, and the bytes of their values by table."""
    connection = sqlite3.connect(file)
    began = time.perf_counter()
    rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}  # noqa: S608
    took = time.perf_counter() - began
    connection.close()
    weights = {
        table: sum(len(str(value)) for row in rows[table] for value in row if value is not None) for table in _TABLES
    }
    return took, weights


def _weigh(control: Control) -> int:
    """Return the bytes that stay allocated once the first snapshot and its index are there."""
    gc.collect()
    tracemalloc.start()
    kept = _begin(control)
    gc.collect()
    weight, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.hosts
    return weight


def _measure(seconds: float) -> Measurement:
    hosts = HOSTS if seconds >= _SHORT else FEW_HOSTS
    with ExitStack() as stack:
        folder = stack.enter_context(disk_folder())
        file = folder / "busway.db"
        control = open_cloud(stack, f"sqlite:///{file}", folder)
        add_hosts(control, hosts)
        raw, weights = min(_select(file) for _ in range(3))
        began = time.perf_counter()
        _begin(control)
        first = time.perf_counter() - began
        began = time.perf_counter()
        _begin(control)
        again = time.perf_counter() - began
        weight = _weigh(replace(control, memory=SnapshotMemory()))
    values = sum(weights.values())
    return Measurement(
        first * 1e3,
        "ms",
        raw * 1e3,
        "reading the same rows with the bare driver",
        (
            f"{hosts:,} hosts of {GPUS} devices, from SQLite; the next snapshot, with nothing changed: {again * 1e3:,.0f} ms",
            f"memory: {weight / hosts / 1024:,.1f} KiB for a host with its devices, {weight / hosts / GPUS:,.0f} bytes for a "
            f"device: {weight / values:.1f} times the bytes of their rows ({values / hosts / GPUS:,.0f} for a device)",
        ),
    )


SCALE = Benchmark("scale", "a control plane begins with 80,000 devices: first snapshot and index", _measure)
