"""Claims that the placer commits in a second, beside equal rows committed one by one in the same database."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
from tests.postgres import private_server
from tools.postgres import find_bin

from benchmarks.cloud_rows import CALLER, NOW, Rows, add_hosts, open_cloud, request
from benchmarks.folder import disk_folder
from benchmarks.registry import Benchmark, Measurement
from busway.control.context import Control
from busway.control.placement.place import BATCH, place_round
from busway.control.servers.create import create_servers
from busway.store.claims import claims

HOSTS, FEW_HOSTS = 1_000, 60
_SHORT = 1.0
_NAMES = itertools.count()
_COLUMNS = [column.name for column in claims.c]
_STATEMENT = f"INSERT INTO claims ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


def _accept(control: Control, count: int) -> float:
    """Accept requests one by one, as the API does; return the seconds."""
    began = time.perf_counter()
    for _ in range(count):
        create_servers(control, CALLER, request(f"s{next(_NAMES)}"), f"req-{next(_NAMES)}")
    return time.perf_counter() - began


def _place(control: Control, count: int) -> float:
    """Place what was accepted; return the seconds."""
    began = time.perf_counter()
    placed = 0
    while done := place_round(control):
        placed += done
    assert placed == count, f"{placed} of {count} were placed"
    return time.perf_counter() - began


def _row(device: str, host: str) -> tuple[object, ...]:
    values = {
        "id": str(uuid.uuid4()),
        "device_id": device,
        "host_id": host,
        "server_id": str(uuid.uuid4()),
        "kind": "function",
        "unit": "whole",
        "port": 1,
        "alias": "h100",
        "state": "claimed",
        "generation": 0,
        "allocated": None,
        "created": NOW.replace(tzinfo=None).isoformat(" "),
        "updated": NOW.replace(tzinfo=None).isoformat(" "),
    }
    return tuple(values[name] for name in _COLUMNS)


def _commit_rows(insert: Callable[[tuple[object, ...]], object], rows: list[tuple[object, ...]]) -> float:
    began = time.perf_counter()
    for row in rows:
        insert(row)
    return time.perf_counter() - began


def _measure(url: str, state: Path, raw: Callable[[tuple[object, ...]], object], seconds: float) -> Measurement:
    """Alternate rounds, so that both see the same weather: accept, place, commit as many equal rows."""
    with ExitStack() as stack:
        control = open_cloud(stack, url, state)
        count = HOSTS if seconds >= _SHORT else FEW_HOSTS
        add_hosts(control, count)
        spare = add_hosts(control, count, enabled=False)
        took = [0.0, 0.0, 0.0]
        placed, batch = 0, 2 * BATCH
        equal = _equal_rows(spare)
        _accept(control, 1)
        _place(control, 1)  # the first turn of a process reads everything: `scale` measures that
        end = time.perf_counter() + seconds
        while placed == 0 or (time.perf_counter() < end and placed + batch <= 6 * count):
            took[0] += _accept(control, batch)
            took[1] += _place(control, batch)
            took[2] += _commit_rows(raw, list(itertools.islice(equal, batch)))
            placed += batch
        accepted, claimed, committed = (placed / each for each in took)
    whole = 1 / (1 / accepted + 1 / claimed)
    return Measurement(
        claimed,
        "claims/s",
        committed,
        "the database's own rate of commits, one equal row each",
        (
            f"{placed:,} servers with a GPU each, {count:,} hosts of 8 and as many that are disabled",
            f"requests accepted one by one: {accepted:,.0f}/s ({accepted / committed:.2f} of the commits)",
            f"accepted and then claimed: {whole:,.0f}/s ({whole / committed:.2f} of the commits)",
        ),
    )


def _equal_rows(spare: Rows) -> Iterator[tuple[object, ...]]:
    per_host = len(spare.devices) // len(spare.hosts)
    return (_row(device, spare.hosts[number // per_host]) for number, device in enumerate(spare.devices))


def _on_sqlite(seconds: float) -> Measurement:
    with disk_folder() as folder:
        file = folder / "busway.db"
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        try:
            return _measure(f"sqlite:///{file}", Path(folder), lambda row: connection.execute(_STATEMENT, row), seconds)
        finally:
            connection.close()


def _on_postgresql(seconds: float) -> Measurement:
    with private_server(durable=True) as socket, tempfile.TemporaryDirectory(prefix="busway-bench-") as folder:
        url = f"postgresql://busway@/postgres?host={socket}"
        statement = _STATEMENT.replace("?", "%s").encode()
        with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
            return _measure(url, Path(folder), lambda row: connection.execute(statement, row), seconds)


CLAIMS_SQLITE = Benchmark(
    "claims-sqlite", "requests accepted to claims committed, on SQLite; above 0.5 is wanted", _on_sqlite
)
CLAIMS_POSTGRESQL = Benchmark(
    "claims-postgresql", "requests accepted to claims committed, on PostgreSQL; above 0.5 is wanted", _on_postgresql
)


def claims_benchmarks() -> list[Benchmark]:
    """Return those whose database is there."""
    return [CLAIMS_SQLITE, *([CLAIMS_POSTGRESQL] if find_bin() is not None else [])]
