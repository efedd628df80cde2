"""The schema on both databases: made and upgraded by revisions, with data, by several at once; refused where it is not ours."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect, text

from busway.control.devices import listing as devices
from busway.control.servers.delete import delete_server
from busway.control.servers.read import get_server
from busway.domain.errors import InvalidConfig, Unavailable
from busway.domain.ids import ServerId
from busway.domain.server import ServerStatus
from busway.store.claims import list_live_claims
from busway.store.database import Database
from busway.store.schema import FIRST, differences, load_tables, newest_revision, revisions, upgrade
from tests.control.clouds import ADMIN, Cloud, Host, gpus
from tests.store.revisions import as_of_now, fill, read_rows

_OLD_DEVICE = (
    "INSERT INTO devices (id, host_id, address, vendor_id, product_id, class_code, kind, subsystem_vendor_id, "
    "subsystem_id, revision, vendor_name, product_name, class_name, present, discovered) VALUES (:id, :host, :address, "
    "'10de', '2204', '030000', 'type-PCI', '', '', '', '', '', '', true, '2026-01-01 00:00:00+00:00')"
)
_OLD_CLAIM = (
    "INSERT INTO claims (id, device_id, host_id, server_id, state, generation, created, updated) VALUES "
    "(:id, :device, :host, :server, 'allocated', 0, '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00')"
)


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def test_the_newest_revision_is_what_the_code_says(empty: Database) -> None:
    """Where this fails, a table was changed without a revision: see "Change the tables" in CONTRIBUTING.md."""
    upgrade(empty)

    with empty.read() as tx:
        assert differences(tx) == []


def test_the_revisions_are_one_line() -> None:
    """Where this fails, two revisions name the same one before them: let the newer one's `down_revision` name the other."""
    assert revisions()[0] == FIRST and revisions()[-1] == newest_revision()


def test_the_newest_indexes_are_what_the_code_says(empty: Database) -> None:
    """Alembic compares no conditions of indexes, and Busway's promises rest on them."""
    upgrade(empty)
    made = _indexes(empty)
    with empty.alter() as tx:
        load_tables().drop_all(tx)
        load_tables().create_all(tx)

    assert made == _indexes(empty)
    assert "state" in made["uq_claims_live_unit"].partition("WHERE")[2]


@pytest.mark.thorough
@pytest.mark.parametrize("revision", [*revisions()[::8], newest_revision()])
def test_the_data_of_every_revision_is_kept_and_its_cloud_goes_on(
    empty: Database, revision: str, tmp_path: Path
) -> None:
    """Rows of all revisions up to one, each written when it was the newest; from that one on it is a single upgrade."""
    written = fill(empty, revision)

    upgrade(empty)

    with empty.read() as tx:
        assert differences(tx) == []
        for name, rows in as_of_now(written).items():
            found = read_rows(tx, name)
            assert len(found) >= len(rows)  # a revision may make rows out of others
            assert [row for row in rows if not any(row.items() <= one.items() for one in found)] == []
    _go_on(Cloud.resumed(empty, tmp_path))


def _go_on(cloud: Cloud) -> None:
    """A server is deleted, and two others are placed: one of them gets the device that it had."""
    busy = get_server(cloud.control, ADMIN, "00000000-0000-4000-8000-00000000000e")
    assert busy.host_id is not None
    host = Host(cloud, busy.host_id, "h2", gpus(1))

    delete_server(cloud.control, ADMIN, busy.id, "req-1")
    host.report()
    made = cloud.boot("new", count=2)

    assert (busy.status, busy.host_name) == (ServerStatus.ACTIVE, "h2")
    assert {(server.status, server.host_name) for server in made} == {
        (ServerStatus.BUILD, "h1"),  # it had one device left
        (ServerStatus.BUILD, "h2"),  # the one that was freed just now
    }
    offered = {device.status for device in devices.list_devices(cloud.control, ADMIN)} - {None}
    assert offered == {"allocated", "claimed"}


@pytest.mark.thorough
def test_there_is_data_for_every_table(empty: Database) -> None:
    """Where this fails, a revision made a table and tests/store/revisions has no rows of it."""
    written = fill(empty, newest_revision())

    assert sorted(set(load_tables().tables) - {name for name, rows in written.items() if rows}) == []


@pytest.mark.thorough
def test_claims_of_before_units_get_the_ports_that_their_guests_have(empty: Database) -> None:
    """As they were counted then: by card in the order of the claims; functions of one slot share the port of function 0."""
    fill(empty, "joining")
    server, host = "00000000-0000-4000-8000-0000000fffff", "00000000-0000-4000-8000-00000000000c"
    claimed = ["0000:51:00.0", "0000:42:00.1", "0000:42:00.0", "0000:60:00.4"]
    with empty.write() as tx:
        for number, address in enumerate(claimed):
            tx.execute(text(_OLD_DEVICE), {"id": f"d{number}", "host": host, "address": address})
            values = {"id": f"c{number}", "device": f"d{number}", "host": host, "server": server}
            tx.execute(text(_OLD_CLAIM), values)

    upgrade(empty)

    with empty.read() as tx:
        made = {c.id: (c.kind, c.unit, c.port) for c in list_live_claims(tx, server_id=ServerId(server))}
        others = {claim.port for claim in list_live_claims(tx) if claim.server_id != server}
    whole = ("function", "whole")
    assert made == {"c0": (*whole, 1), "c1": (*whole, 2), "c2": (*whole, 2), "c3": (*whole, 3)}
    assert others == {1}


@pytest.mark.thorough
def test_several_that_start_at_once_make_one_schema(empty: Database, database_url: str) -> None:
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as processes:
        ends = list(processes.map(_start, [database_url] * 4, timeout=100))

    assert ends == [None] * 4
    with empty.read() as tx:
        assert tx.execute(text("SELECT version_num FROM schema_revision")).all() == [(newest_revision(),)]


def _start(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


@pytest.mark.thorough
def test_tables_of_before_migrations_began_are_taken_over(empty: Database) -> None:
    written = fill(empty, FIRST)
    _forget_revision(empty)

    upgrade(empty)

    with empty.read() as tx:
        assert differences(tx) == []
        assert len(read_rows(tx, "claims")) == len(written["claims"])


def test_tables_of_our_names_that_are_not_ours_are_left_alone(empty: Database) -> None:
    with empty.write() as tx:
        Table("flavors", MetaData(), Column("id", Integer, primary_key=True)).create(tx)

    with pytest.raises(InvalidConfig, match="not their structure") as refused:
        upgrade(empty)

    assert refused.value.code == "database-foreign" and "servers" in refused.value.detail
    with empty.read() as tx:
        assert inspect(tx).get_table_names() == ["flavors"]


@pytest.mark.thorough
def test_tables_that_lack_a_column_are_left_alone(empty: Database) -> None:
    upgrade(empty, FIRST)
    _forget_revision(empty)
    with empty.write() as tx:
        tx.execute(text("ALTER TABLE hosts DROP COLUMN iommu"))

    with pytest.raises(InvalidConfig, match="not their structure"):
        upgrade(empty)


def test_what_was_done_is_told_once(empty: Database) -> None:
    assert upgrade(empty, FIRST) == (FIRST,)
    assert upgrade(empty) == tuple(revisions()[1:])
    assert upgrade(empty) == ()


def test_a_database_that_is_not_there_is_told_with_its_own_words() -> None:
    database = Database("postgresql://ann:secret@127.0.0.1:1/busway")

    with pytest.raises(Unavailable, match="can't be opened") as refused:
        upgrade(database)

    assert refused.value.code == "database-unreachable" and "port 1" in refused.value.detail
    assert "secret" not in str(refused.value)


def test_a_database_of_a_newer_busway_is_refused(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as tx:
        tx.execute(text("UPDATE schema_revision SET version_num = 'of_the_future'"))

    with pytest.raises(InvalidConfig, match="of_the_future") as refused:
        upgrade(empty)

    assert refused.value.code == "database-newer" and refused.value.remedy


def test_an_upgrade_that_fails_changes_nothing(empty: Database) -> None:
    upgrade(empty, FIRST)

    with pytest.raises(ZeroDivisionError), empty.alter() as tx:
        tx.execute(text("DROP TABLE consoles"))
        raise ZeroDivisionError

    with empty.read() as tx:
        assert "consoles" in inspect(tx).get_table_names()


def _indexes(database: Database) -> dict[str, str]:
    """Each index with the statement that makes it, but those that SQLite makes for itself."""
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    if not database.is_sqlite:
        sql = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'schema_revision'"
        )
    with database.read() as tx:
        return {name: " ".join(statement.split()) for name, statement in tx.execute(text(sql)).all()}


def _forget_revision(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("DROP TABLE schema_revision"))
