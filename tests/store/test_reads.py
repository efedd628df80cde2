"""The tests' own guard: what PostgreSQL refuses in a transaction that only reads is refused on SQLite too."""

import pytest
from sqlalchemy import delete, event, select, text, update

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


def test_a_read_is_isolated_without_a_statement_of_its_own_and_a_write_is_not(database: Database) -> None:
    said: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, statement, *_rest: said.append(statement))
    with database.read() as tx:
        tx.execute(select(hosts.c.id)).all()
    assert [each for each in said if each.startswith("SET")] == []
    if database.is_sqlite:
        return

    def how() -> list[str]:
        return [str(tx.execute(text(f"SHOW transaction_{name}")).scalar_one()) for name in ("isolation", "read_only")]

    for _ in range(2):  # on the same connection, which the pool gives out again
        with database.read() as tx:
            assert how() == ["repeatable read", "on"]
        with database.write() as tx:
            assert how() == ["read committed", "off"]
