"""Transactions on both databases: whole or not at all, one writer's turn at a time, and a reader's view that stays."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from busway.store import hosts
from busway.store.database import Database, take_turn
from tests.store.rows import H1, H2, add_device, add_host
from tests.store.turns import until_someone_waits

SECONDS = 20


def names(database: Database) -> list[str]:
    with database.read() as tx:
        return [row.id for row in hosts.list_hosts(tx)]


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt), database.write() as tx:
        add_host(tx)
        raise KeyboardInterrupt

    assert names(database) == []


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.read() as tx:
        before = hosts.list_hosts(tx)
        with database.write() as other:
            add_host(other)
        after = hosts.list_hosts(tx)

    assert before == after == []
    assert names(database) == [H1]


def test_a_reader_writes_nothing(database: Database) -> None:
    # On SQLite only the tests refuse it; there the transaction is rolled back.
    with pytest.raises((DBAPIError, AssertionError)), database.read() as tx:
        add_host(tx)

    assert names(database) == []


def test_one_at_a_time_has_the_turn(database: Database) -> None:
    done: list[str] = []

    def second() -> None:
        with database.write() as tx:
            take_turn(tx, "place")
            done.append("second")

    with database.write() as tx:
        take_turn(tx, "place")
        other = threading.Thread(target=second)
        other.start()
        until_someone_waits(database)
        done.append("first")
    other.join(SECONDS)

    assert done == ["first", "second"]


@pytest.mark.postgres
def test_turns_of_other_names_do_not_wait_for_each_other(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as one, database.write() as other:
        take_turn(one, "place")
        take_turn(other, "schema")
    database.close()


def test_many_writers_all_come_to_their_turn(database: Database) -> None:
    with database.write() as tx:
        add_host(tx)

    def bump() -> None:
        for _ in range(5):
            with database.write() as tx:
                take_turn(tx, "place")
                row = hosts.find_host_by_id(tx, H1)
                assert row is not None and hosts.swap_generation(tx, H1, row.generation, row.revision)

    writers = [threading.Thread(target=bump) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(SECONDS)

    with database.read() as tx:
        row = hosts.find_host_by_id(tx, H1)
    assert row is not None and row.generation == 20


def test_foreign_keys_hold_again_after_an_alteration(database: Database) -> None:
    with database.alter() as tx:
        add_host(tx)

    with pytest.raises(IntegrityError), database.write() as tx:
        add_device(tx, host_id=H2)


def test_an_alteration_that_leaves_rows_without_their_parents_is_taken_back(database: Database) -> None:
    with pytest.raises((ValueError, IntegrityError)), database.alter() as tx:
        add_device(tx, host_id=H2)

    with database.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM devices")).scalar() == 0
