"""What a database refuses is told without what was in the statement."""

from __future__ import annotations

import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from busway.domain.errors import BadInput, Conflict, StorageFull
from busway.domain.ids import HostId
from busway.store.database import Database, Tx
from busway.store.hosts import insert_host
from tests.store.rows import NOON

SECRET = "the-hash-of-a-password"


def test_a_failed_statement_never_shows_its_parameters(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed, database.write() as tx:
        tx.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": SECRET})

    told = "".join(traceback.format_exception(failed.value))
    assert "nowhere" in told and SECRET not in told


def test_a_name_that_is_taken_meanwhile_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict) as failed, database.write() as tx:
        for number in (1, 2):
            _insert(tx, number, "one name")

    assert failed.value.code == "taken"
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_a_full_database_says_so_and_goes_on_when_there_is_room(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's disk can't be filled here: its SQLSTATE 53100 is one row of the same table")
    with database.write() as tx:
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with pytest.raises(StorageFull, match="disk is full"), database.write() as tx:
        for number in range(10_000):
            _insert(tx, number)

    with database.write() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count=1073741823")
        _insert(tx, 1)


def test_a_value_that_does_not_fit_is_bad_input(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite keeps texts of any length")
    with pytest.raises(BadInput) as failed, database.write() as tx:
        _insert(tx, 1, "n" * 300)

    assert failed.value.code == "value-unfit"


def _insert(tx: Tx, number: int, name: str | None = None) -> None:
    insert_host(tx, HostId(f"h{number}"), name or f"host {number}", SECRET, NOON)
