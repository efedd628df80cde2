"""The tests' own guard: what PostgreSQL refuses in a transaction that only reads is refused on SQLite too."""

import pytest
from sqlalchemy import delete, select, update

from busway.store.database import Database
from busway.store.hosts import hosts

LOCKING = select(hosts.c.id).with_for_update()


@pytest.mark.parametrize(
    "statement",
    [
        LOCKING,
        select(LOCKING.subquery().c.id),
        hosts.insert().values(id="h", name="h"),
        update(hosts).values(name="h"),
        delete(hosts),
    ],
    ids=["lock", "lock within", "insert", "update", "delete"],
)
def test_a_transaction_that_only_reads_refuses_writes_and_locks(database: Database, statement: object) -> None:
    with database.read() as tx, pytest.raises(AssertionError, match="only reads"):
        tx.execute(statement)  # type: ignore[call-overload]


def test_it_reads_and_others_write(database: Database) -> None:
    with database.read() as tx:
        assert tx.execute(select(hosts.c.id)).all() == []
    with database.write() as tx:
        assert tx.execute(LOCKING).all() == []
        tx.execute(update(hosts).values(name="h"))
