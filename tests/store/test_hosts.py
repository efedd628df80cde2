"""Hosts: what is compared before it is swapped, and that an older report never undoes a newer one."""

import dataclasses

import pytest

from busway.domain.errors import Conflict
from busway.domain.ids import HostId
from busway.store import hosts
from busway.store.database import Database, Tx
from busway.store.hosts import HostRow
from tests.store.rows import H1, H2, NOON, RESOURCES, add_host


@pytest.fixture
def db(database: Database) -> Database:
    with database.write() as tx:
        add_host(tx)
    return database


def host(database: Database, host_id: HostId = H1) -> HostRow:
    with database.read() as tx:
        found = hosts.find_host_by_id(tx, host_id)
    assert found is not None
    return found


def report(tx: Tx, sequence: int, boot_id: str = "boot") -> bool:
    return hosts.record_report(
        tx,
        H1,
        sequence=sequence,
        boot_id=boot_id,
        seen=NOON,
        resources=RESOURCES,
        agent_version="1",
        iommu=True,
    )


def test_a_new_host_has_everything_to_come(db: Database) -> None:
    row = host(db)

    assert (row.generation, row.revision, row.sequence, row.seen, row.resources) == (0, 0, 0, None, None)
    assert row.enabled and row.created == NOON


def test_a_host_is_found_by_name_and_id_and_is_listed_by_name(db: Database) -> None:
    with db.write() as tx:
        add_host(tx, H2)

    with db.read() as tx:
        assert hosts.find_host(tx, "name of h2") == hosts.find_host_by_id(tx, H2)
        assert hosts.find_host(tx, "nobody") is None
        assert [row.id for row in hosts.list_hosts(tx)] == [H1, H2]


def test_two_hosts_can_not_have_one_name(db: Database) -> None:
    with pytest.raises(Conflict), db.write() as tx:
        hosts.insert_host(tx, H2, "name of h1", "hash", NOON)


def test_a_generation_is_swapped_once(db: Database) -> None:
    with db.write() as tx:
        assert hosts.swap_generation(tx, H1, 0, 0)
        assert not hosts.swap_generation(tx, H1, 0, 0)

    assert host(db).generation == 1


def test_generations_of_several_hosts_are_swapped_together_or_it_is_told(db: Database) -> None:
    with db.write() as tx:
        add_host(tx, H2)
        assert hosts.swap_generations(tx, [hosts.Swap(H1, 0, 0, 2), hosts.Swap(H2, 0, 0)])
        assert not hosts.swap_generations(tx, [hosts.Swap(H1, 2, 0), hosts.Swap(H2, 0, 0)])
        assert hosts.swap_generations(tx, [])


@pytest.mark.parametrize("change", [hosts.bump_generation, hosts.bump_revision])
def test_a_generation_is_not_swapped_after_a_change_of_intent_or_inventory(db: Database, change: object) -> None:
    before = host(db)
    with db.write() as tx:
        change(tx, H1)  # type: ignore[operator]

    with db.write() as tx:
        assert not hosts.swap_generation(tx, H1, before.generation, before.revision)


def test_a_change_of_another_host_does_not_matter(db: Database) -> None:
    with db.write() as tx:
        add_host(tx, H2)
        hosts.bump_generation(tx, H2)
        hosts.bump_revision(tx, H2)

        assert hosts.swap_generation(tx, H1, 0, 0)


def test_a_bumped_generation_is_told(db: Database) -> None:
    with db.write() as tx:
        assert [hosts.bump_generation(tx, H1), hosts.bump_generation(tx, H1)] == [1, 2]


def test_a_report_is_taken_once_and_never_after_a_newer_one(db: Database) -> None:
    with db.write() as tx:
        assert report(tx, 5, "second")
        assert not report(tx, 5)
        assert not report(tx, 4, "first")

    row = host(db)
    assert (row.sequence, row.boot_id, row.resources, row.seen) == (5, "second", RESOURCES, NOON)


def test_a_sequence_may_be_a_time_in_nanoseconds(db: Database) -> None:
    with db.write() as tx:
        assert report(tx, 1_800_000_000_000_000_000)

    assert host(db).sequence == 1_800_000_000_000_000_000


def test_enabling_credentials_and_forgetting(db: Database) -> None:
    with db.write() as tx:
        hosts.set_enabled(tx, H1, False, "dust")
        hosts.set_token(tx, H1, "new")
    changed = host(db)
    with db.write() as tx:
        hosts.delete_host(tx, H1)
        assert hosts.list_hosts(tx) == []

    assert (changed.enabled, changed.disabled_reason, changed.token_hash) == (False, "dust", "new")
    assert dataclasses.replace(changed, enabled=True).id == H1
