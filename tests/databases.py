"""Databases with today's tables, copied from one that was made once in each process: revisions take most of a second."""

import functools
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

from busway.bootstrap.config import Config
from busway.store import database as store
from busway.store.database import Database
from busway.store.schema import upgrade

_LOCK = "FOR UPDATE"


def add_tables(database: Database) -> None:
    """Gives an empty SQLite database, to which nobody is connected yet, all tables of today."""
    assert database.is_sqlite and database.url.database
    shutil.copyfile(_template(), database.url.database)


def add_tables_of(config: Config) -> Config:
    """Gives a control plane that has never started a SQLite database with all tables of today; returns its configuration."""
    config.state.mkdir(mode=0o700, parents=True)
    database = Database(config.database)
    add_tables(database)
    database.close()
    return config


def new_postgres(server: Path, *, tables: bool = False) -> str:
    """Makes a database on a server, empty or with all tables of today; returns its URL."""
    name = f"t{uuid.uuid4().hex}"
    # FILE_COPY takes a third of the time of the default, which writes each page to the log.
    template = f" TEMPLATE {_postgres_template(server)} STRATEGY FILE_COPY" if tables else ""
    _execute(server, f"CREATE DATABASE {name}{template}")
    return f"postgresql://busway@/{name}?host={server}"


@functools.cache
def _postgres_template(server: Path) -> str:
    url = new_postgres(server)
    database = Database(url)
    upgrade(database)
    database.close()
    return str(database.url.database)


@functools.cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="busway-template-")) / "busway.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


def refuse_writes_in_reads() -> None:
    """Lets SQLite refuse, in a transaction that only reads, what PostgreSQL refuses: writes, and locks of rows.

    SQLite has no locks of rows, and its statements say nothing of them: in tests they have a comment there.
    """
    SQLiteCompiler.for_update_clause = _say_that_it_locks  # type: ignore[assignment, method-assign]
    event.listen(Engine, "before_cursor_execute", _refuse_write)


def compile_statements_once() -> None:
    """Lets all SQLite databases of a process keep their compiled statements in one place.

    A control plane has one database, which compiles each statement once. Tests have a new one each, and compiling took a quarter
    of their time.
    """
    common = create_engine("sqlite://", json_deserializer=store._read_json, query_cache_size=5000)
    with common.connect():  # a dialect learns about its SQLite from the first connection
        pass

    def create(url: URL, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if engine.dialect.name == "sqlite":
            engine.dialect, engine._compiled_cache = common.dialect, common._compiled_cache
        return engine

    store.create_engine = create  # type: ignore[assignment, attr-defined]


def _say_that_it_locks(_self: SQLiteCompiler, _select: object, **_options: object) -> str:
    return f" /* {_LOCK} */"


def _refuse_write(
    connection: Connection, _cursor: object, statement: str, _parameters: object, context: Any, _many: bool
) -> None:
    if connection.get_execution_options().get("busway_read") and (
        context.isinsert or context.isupdate or context.isdelete or _LOCK in statement
    ):
        raise AssertionError(f"in a transaction that only reads: {statement}")


def _execute(server: Path, statement: str) -> None:
    with psycopg.connect(host=str(server), user="busway", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
