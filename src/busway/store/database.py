"""The database: SQLite in one file (WAL) or PostgreSQL, with the same statements on both.

`with db.write() as tx:` is one transaction of a use case. On SQLite it takes the write lock at once (BEGIN
IMMEDIATE), so that a read followed by a write never fails with "database is locked".
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from busway.store import audit
from busway.store.failures import translated
from busway.store.precondition import open_condition
from busway.store.rights_changes import take_note, watch_rights
from busway.store.state_times import StateTime, collected_state_times
from busway.store.together import gathered, settle

Tx = Connection

BUSY_SECONDS = 30
# The database could not be reached, was busy for too long, or ended a transaction in favour of another (a deadlock).
# Nothing in what was asked of it is wrong: the same may be tried again.
DATABASE_TROUBLE = (OperationalError, InterfaceError)


class Database:
    """A connection pool and its transactions; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            Path(parsed.database).touch(mode=0o600)  # SQLite gives its journals the rights of the file
        # Statements that fail are logged, and what they were given may be a secret: it is left out.
        options = {
            "pool_pre_ping": not self.is_sqlite,
            "pool_size": 20,
            "max_overflow": 20,
            "hide_parameters": True,
            "json_deserializer": _read_json,
        }
        self.engine: Engine = create_engine(parsed, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
        # The same pool; the option lets a listener know a statement of a read, as the one of the tests does.
        # PostgreSQL is told with the BEGIN how a read is isolated, not by a statement of its own.
        isolated = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine.execution_options(busway_read=True, **isolated)
        audit.watch_inserts(self.engine)
        watch_rights(self.engine)
        self.on_state_time: Callable[[StateTime], object] = _unheard
        self._on_rights: list[Callable[[], object]] = []

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Opens a read-only transaction with a consistent view."""
        with translated(), self._reading.connect() as tx:
            if self.is_sqlite:
                tx.exec_driver_sql("BEGIN")
            try:
                yield tx
            finally:
                if self.is_sqlite:
                    tx.exec_driver_sql("ROLLBACK")
                tx.rollback()

    @contextmanager
    def write(self, *, aside: bool = False, together: bool = False) -> Iterator[Tx]:
        """Opens a transaction: committed at the end of the block, rolled back by any exception.

        After a commit that may have changed rights, the callbacks of `on_rights` are called. The audit record of
        the current act is written in the transaction (see `busway.store.audit`) unless `aside`: then its changes
        are not an effect of the request. So is the precondition of the request tested. With `together`, inserted rows are collected and written in one statement
        at the end, where the database can (see `busway.store.together`).
        """
        with (
            translated(),
            self.engine.connect() as tx,
            collected_state_times(tx) as state_times,
            gathered(tx) if together else nullcontext(),
            _immediate(tx) if self.is_sqlite else tx.begin(),
        ):
            take_note(tx)  # of a transaction that was rolled back
            condition = None if aside else open_condition()
            refusal = None if condition is None else condition.look(tx)
            yield tx
            if refusal is not None:
                raise refusal
            act = None if aside else audit.write_down(tx)
            settle(tx)
            changes_rights = take_note(tx)
        if changes_rights:
            for heard in self._on_rights:
                heard()
        if act is not None:
            act.is_written = True
        if condition is not None:
            condition.is_settled = True
        for state_time in state_times:
            self.on_state_time(state_time)

    @contextmanager
    def alter(self) -> Iterator[Tx]:
        """Opens a transaction that changes tables, for one process at a time.

        For most changes SQLite creates a new table and drops the old one, which foreign keys would prevent: they
        are off meanwhile, and checked before the commit.
        """
        if not self.is_sqlite:
            with self.write() as tx:
                take_turn(tx, "schema")
                yield tx
            return
        with self.engine.connect() as tx:
            tx.exec_driver_sql("PRAGMA foreign_keys=OFF")
            try:
                with _immediate(tx):
                    yield tx
                    broken = tx.exec_driver_sql("PRAGMA foreign_key_check").all()
                    if broken:
                        raise ValueError(f"rows point at nothing: {broken[:3]}")
            finally:
                tx.exec_driver_sql("PRAGMA foreign_keys=ON")

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Yields True if nobody else holds the lock with that name on this database, and holds it; else yields False at once.

        On PostgreSQL it is the advisory lock of an idle transaction, on SQLite a lock file beside the database.
        Both end with the process.
        """
        if not self.is_sqlite:
            with self.engine.connect() as tx, tx.begin():
                # SELECT pg_try_advisory_xact_lock(hashtext('loop.sweeper'))
                locked = tx.execute(text("SELECT pg_try_advisory_xact_lock(hashtext(:n))"), {"n": f"busway.{name}"})
                yield bool(locked.scalar_one())
        elif not self.url.database or self.url.database == ":memory:":
            yield True
        else:
            with _locked_file(f"{self.url.database}-{name}.lock") as locked_here:
                yield locked_here

    def on_rights(self, heard: Callable[[], object]) -> None:
        """Registers a callback for each commit that may have changed somebody's rights."""
        self._on_rights.append(heard)

    @property
    def connections(self) -> int:
        """Returns how many connections are in use."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def close(self) -> None:
        """Closes all pooled connections."""
        self.engine.dispose()


def take_turn(tx: Tx, name: str) -> None:
    """Waits for the lock with that name and holds it until the transaction ends.

    On PostgreSQL it is a transaction-scoped advisory lock; SQLite has one writing transaction at a time anyway.
    """
    if tx.dialect.name == "postgresql":
        # SELECT pg_advisory_xact_lock(hashtext('place'))
        tx.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"busway.{name}"})


@contextmanager
def savepoint(tx: Tx) -> Iterator[None]:
    """A savepoint: an exception in the block rolls back what the block has written, and nothing else."""
    with tx.begin_nested():
        yield


def _read_json(text: str | bytes) -> Any:
    """Reads a value of a JSON column; several times as fast as the standard library, which reads what is rare."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)  # half of a surrogate pair, or a number beyond a float


def _unheard(_state_time: StateTime) -> None:
    """The default of `on_state_time`: does nothing."""


@contextmanager
def _locked_file(path: str) -> Iterator[bool]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


@contextmanager
def _immediate(tx: Tx) -> Iterator[None]:
    tx.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # After some failures, a full disk among them, SQLite has rolled back by itself and knows no transaction.
        with suppress(OperationalError):
            tx.exec_driver_sql("ROLLBACK")
        raise
    tx.exec_driver_sql("COMMIT")


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Autocommit mode: this module writes BEGIN and COMMIT itself, so that it decides which lock is taken when.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
