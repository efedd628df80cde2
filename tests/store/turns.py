"""Waiting until another transaction waits for a turn, where the database can tell."""

import time

from sqlalchemy import text

from busway.store.database import Database

SECONDS = 20


def until_someone_waits(database: Database) -> None:
    """Returns when a lock is asked for and not given; at once on SQLite, which tells nobody and has one writer anyway."""
    deadline = time.monotonic() + SECONDS
    while not database.is_sqlite and not _waiting(database):
        assert time.monotonic() < deadline, "nobody came to wait"
        time.sleep(0.01)


def _waiting(database: Database) -> int:
    # Who waits for a row waits in pg_locks for a transaction, which belongs to no database there.
    statement = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with database.engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())
