"""Tables that grow forget what is old, in batches, and nothing that is in use."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select

from busway.control.loops.retention import forget_old_rows
from busway.control.servers.delete import delete_server
from busway.store.database import Database
from busway.store.events import events
from busway.store.retention import BATCH, BOUNDED, RETENTIONS, forget_old
from busway.store.schema import load_tables
from tests.control.clouds import ADMIN, Cloud

DAY = timedelta(days=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OF_EVENTS = next(kept for kept in RETENTIONS if kept.table == "events")


def test_every_table_has_a_retention_or_a_bound() -> None:
    """Where this fails, a new table needs a line in busway.store.retention."""
    kept = [kept.table for kept in RETENTIONS]

    assert sorted([*kept, *BOUNDED]) == sorted(load_tables().tables)


def test_every_retention_names_columns_that_are_there_and_an_option_of_its_own() -> None:
    tables = load_tables().tables

    for kept in RETENTIONS:
        assert kept.age in tables[kept.table].c
        for other, theirs, ours in kept.following:
            assert theirs in tables[other].c and ours in tables[kept.table].c
    assert len({kept.option for kept in RETENTIONS}) == len(RETENTIONS)


def test_old_rows_go_in_batches_and_newer_ones_stay(database: Database) -> None:
    with database.write() as tx:
        rows = [{"at": NOW - 200 * DAY, "subject": "host", "new": "x", "reason": ""}] * (BATCH + 10)
        tx.execute(insert(events), [*rows, {"at": NOW - DAY, "subject": "host", "new": "young", "reason": ""}])

    assert [forget_old(database, OF_EVENTS, 180, NOW) for _ in range(3)] == [BATCH, 10, 0]
    with database.read() as tx:
        assert tx.execute(select(events.c.new)).scalars().all() == ["young"]


def test_zero_days_keep_all_for_ever(database: Database) -> None:
    with database.write() as tx:
        tx.execute(insert(events).values(at=NOW - 9999 * DAY, subject="host", new="x", reason=""))

    assert forget_old(database, OF_EVENTS, 0, NOW) == 0


def test_a_deleted_server_goes_whole_and_a_living_one_stays(database: Database, tmp_path: Path) -> None:
    cloud = Cloud(database, tmp_path)
    host = cloud.host("h1", count=2)
    gone, living = cloud.boot("gone")[0], cloud.boot("living")[0]
    host.obey()
    delete_server(cloud.control, ADMIN, gone.id, "req-d")
    cloud.wait(30 * 86400)
    host.obey()
    cloud.wait(100 * 86400)
    while forget_old_rows(cloud.control):
        pass

    left = {name: _server_ids(database, name) for name in ("servers", "ports", "claims")}
    assert left == {"servers": {living.id}, "ports": {living.id}, "claims": {living.id}}
    assert cloud.server(living.id).addresses


def test_a_deleted_server_that_a_host_has_not_let_go_stays(database: Database, tmp_path: Path) -> None:
    cloud = Cloud(database, tmp_path)
    cloud.host("h1")
    [server] = cloud.boot()
    delete_server(cloud.control, ADMIN, server.id, "req-d")
    cloud.wait(1000 * 86400)
    forget_old_rows(cloud.control)

    assert _server_ids(database, "servers") == {server.id}
    assert _server_ids(database, "claims") == {server.id}


def test_the_configuration_says_how_long(database: Database, tmp_path: Path) -> None:
    cloud = Cloud(database, tmp_path)
    cloud.configure(retention={"events_days": 3})
    cloud.create()
    cloud.wait(4 * 86400)
    forget_old_rows(cloud.control)

    with database.read() as tx:
        assert tx.execute(select(events)).all() == []
    assert _server_ids(database, "server_actions") != set()


def _server_ids(database: Database, name: str) -> set[str]:
    table = load_tables().tables[name]
    column = table.c["id" if name == "servers" else "server_id"]
    with database.read() as tx:
        return set(tx.execute(select(column)).scalars())
