"""The durable commits that SQLite makes in a second: the limit of every write of an embedded control plane."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.folder import disk_folder
from benchmarks.registry import Benchmark, Measurement

_BLOCK = b"\0" * 4096
_BLOCKS = 1000  # a WAL is checkpointed after 1000 pages and then overwritten in place: no file grows
_ROUNDS = 5


def _rate(act: Callable[[], object], seconds: float) -> float:
    began = time.perf_counter()
    count = 0
    while (elapsed := time.perf_counter() - began) < seconds:
        act()
        count += 1
    return count / elapsed


def _measure(seconds: float) -> Measurement:
    """Alternate commits and bare syncs on one file system, so that both see the same weather; best round of each."""
    share = seconds / (2 * _ROUNDS)
    with disk_folder() as folder:
        connection = sqlite3.connect(folder / "state.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE claim (id INTEGER PRIMARY KEY, device TEXT NOT NULL)")
        plain = os.open(Path(folder) / "plain", os.O_CREAT | os.O_WRONLY)
        os.write(plain, _BLOCK * _BLOCKS)
        os.fsync(plain)
        block = itertools.cycle(range(_BLOCKS))

        def commit() -> None:
            connection.execute("INSERT INTO claim (device) VALUES ('0000:81:00.0')")

        def sync() -> None:
            os.pwrite(plain, _BLOCK, next(block) * len(_BLOCK))
            os.fdatasync(plain)

        rounds = [(_rate(commit, share), _rate(sync, share)) for _ in range(_ROUNDS)]
        os.close(plain)
        connection.close()
    return Measurement(
        figure=max(commits for commits, _ in rounds),
        unit="commits/s",
        reference=max(syncs for _, syncs in rounds),
        reference_name="overwriting 4 KiB and fdatasync",
    )


SQLITE_COMMIT = Benchmark(
    name="sqlite-commit",
    about="one-row transactions in WAL mode with synchronous=FULL, against the disk's own rate of syncs",
    measure=_measure,
)
