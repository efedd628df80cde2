"""One server with which something unexpected happens ends in ERROR with its request's id; the turn goes on for the others."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from busway.control import groups
from busway.control.loops.loop import run_turn
from busway.control.loops.offload import LOOP as OFFLOAD
from busway.control.loops.placer import LOOP as PLACER
from busway.control.loops.retention import forget_old_rows
from busway.control.loops.sweeper import sweep
from busway.control.moves.advance import advance
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.placement.place import place_round
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.read import list_actions
from busway.control.servers.shelve import shelve_server
from busway.domain.ids import ServerId
from busway.domain.requests import CreateServer
from busway.domain.server import Server, ServerStatus, TaskState
from busway.domain.server_group import GroupPolicy
from busway.store import hosts as host_store
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.control.clouds import ADMIN, Cloud, Host


def write(cloud: Cloud, statement: str, **values: object) -> None:
    with cloud.control.db.write() as tx:
        tx.execute(text(statement), values)


def forbid(cloud: Cloud, table: str, column: str, value: str, act: str = "UPDATE") -> None:
    """Lets the database refuse rows of one server with an error that nothing in Busway expects."""
    row = "OLD" if act == "DELETE" else "NEW"
    if cloud.control.db.is_sqlite:
        write(
            cloud,
            f"CREATE TRIGGER poison BEFORE {act} ON {table} WHEN {row}.{column} = '{value}' "
            "BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
        )
        return
    write(
        cloud,
        f"CREATE FUNCTION poison() RETURNS trigger AS $$ BEGIN IF {row}.{column} = '{value}' THEN "
        f"RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'poisoned'; END IF; RETURN {row}; END $$ "
        "LANGUAGE plpgsql",
    )
    write(cloud, f"CREATE TRIGGER poison BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION poison()")


def fault_of(server: Server) -> str:
    assert server.status is ServerStatus.ERROR
    assert server.task_state is None
    assert server.fault is not None
    return server.fault.message


def failed_items(cloud: Cloud, loop: str) -> int:
    return cloud.control.loops.all()[loop].items_failed


def test_a_server_that_can_not_be_placed_for_an_unexpected_reason_holds_up_no_other(cloud: Cloud) -> None:
    cloud.host("h1", count=3)
    names = ["first", "poisoned", "last"]
    made = {name: cloud.create(name)[0].id for name in names}
    forbid(cloud, "claims", "server_id", made["poisoned"], "INSERT")
    assert run_turn(cloud.control, PLACER) is True
    found = {name: cloud.server(made[name]) for name in names}
    assert found["first"].task_state is found["last"].task_state is TaskState.SPAWNING
    assert "req-poisoned" in fault_of(found["poisoned"])
    [action] = list_actions(cloud.control, ADMIN, made["poisoned"])
    assert action.message == fault_of(found["poisoned"])
    assert failed_items(cloud, "placer") == 1


def test_a_number_of_thousands_of_digits_in_an_image_fails_its_own_server_only(cloud: Cloud) -> None:
    cloud.host("h1", count=3)
    [poisoned] = cloud.create("poisoned")
    words = {"hw_numa_nodes": "1" * 5000}
    with cloud.control.db.write() as tx:  # a server keeps the words of its image
        tx.execute(
            text("UPDATE servers SET image_words = :words WHERE id = :id"),
            {"words": json.dumps(words), "id": poisoned.id},
        )
    place_round(cloud.control)
    assert fault_of(cloud.server(poisoned.id))
    assert cloud.boot("next")[0].task_state is TaskState.SPAWNING


def test_servers_of_one_request_fail_together(cloud: Cloud) -> None:
    cloud.host("h1", count=4)
    together = [server.id for server in cloud.create("both", count=2)]
    [other] = cloud.create("other")
    forbid(cloud, "claims", "server_id", together[1], "INSERT")
    place_round(cloud.control)
    assert [cloud.server(each).status for each in together] == [ServerStatus.ERROR] * 2
    assert cloud.server(other.id).task_state is TaskState.SPAWNING
    with cloud.control.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM claims")).scalar_one() == 1


def test_groups_hold_also_when_a_batch_is_taken_apart(cloud: Cloud) -> None:
    cloud.host("h1", count=0)
    cloud.host("h2", count=0)
    group = groups.create_group(cloud.control, ADMIN, "g", GroupPolicy.ANTI_AFFINITY)

    def create(name: str) -> ServerId:
        request = CreateServer(name, cloud.plain, cloud.image, hints={"group": group.id})
        return create_servers(cloud.control, ADMIN, request, f"req-{name}")[0].id

    first, poisoned, last = create("first"), create("poisoned"), create("last")
    forbid(cloud, "servers", "name", "poisoned", "UPDATE OF host_id")
    place_round(cloud.control)
    assert fault_of(cloud.server(poisoned))
    assert {cloud.server(each).host_name for each in (first, last)} == {"h1", "h2"}


def test_a_report_of_many_servers_is_taken_in_but_for_the_one(cloud: Cloud) -> None:
    host = cloud.host("h1", count=3)
    made = [cloud.boot(name)[0].id for name in ("first", "poisoned", "last")]
    forbid(cloud, "events", "server_id", made[1] + "'  AND NEW.new = 'ACTIVE", "INSERT")
    host.obey()
    assert cloud.server(made[0]).status is cloud.server(made[2]).status is ServerStatus.ACTIVE
    assert "req-poisoned" in fault_of(cloud.server(made[1]))
    assert failed_items(cloud, "reports") == 1


def test_a_device_that_can_not_be_freed_leaves_the_others_of_its_host_free(cloud: Cloud) -> None:
    host = cloud.host("h1", count=2)
    made = [cloud.boot(name)[0].id for name in ("poisoned", "other")]
    host.obey()
    for each in made:
        delete_server(cloud.control, ADMIN, each, f"req-delete-{each}")
    forbid(cloud, "claims", "server_id", made[0] + "' AND NEW.state = 'freed")
    host.report()
    assert f"req-delete-{made[0]}" in fault_of(cloud.server(made[0]))
    assert cloud.server(made[1]).status is ServerStatus.DELETED


def test_a_move_that_can_not_go_on_stops_and_the_others_go_on(cloud: Cloud) -> None:
    hosts = [cloud.host("h1", count=2), cloud.host("h2", count=2)]
    moving = [cloud.boot(name)[0].id for name in ("poisoned", "other")]
    settle(hosts)
    for each in moving:
        migrate_server(cloud.control, ADMIN, each, f"req-move-{each}")
    forbid(cloud, "moves", "server_id", moving[0])
    settle(hosts)
    assert f"req-move-{moving[0]}" in fault_of(cloud.server(moving[0]))
    assert cloud.server(moving[1]).status is ServerStatus.VERIFY_RESIZE
    before = failed_items(cloud, "advance")
    advance(cloud.control)
    assert failed_items(cloud, "advance") == before, "what has failed is not tried for ever"


def test_a_server_whose_move_has_stopped_is_deleted_from_both_hosts(cloud: Cloud) -> None:
    hosts = [cloud.host("h1"), cloud.host("h2")]
    [server] = cloud.boot()
    settle(hosts)
    migrate_server(cloud.control, ADMIN, server.id, "req-move")
    forbid(cloud, "moves", "state", "post-migrating")
    settle(hosts)
    assert fault_of(cloud.server(server.id))
    delete_server(cloud.control, ADMIN, server.id, "req-delete")
    settle(hosts)
    assert cloud.server(server.id).status is ServerStatus.DELETED
    with cloud.control.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM claims WHERE state <> 'freed'")).scalar_one() == 0


def test_a_deletion_that_the_sweeper_can_not_finish_holds_up_no_other(cloud: Cloud) -> None:
    host = cloud.host("h1", count=2)
    made = [cloud.boot(name)[0].id for name in ("poisoned", "other")]
    host.obey()
    for each in made:
        delete_server(cloud.control, ADMIN, each, "req-delete")
    forbid(cloud, "servers", "id", made[0] + "' AND NEW.status = 'DELETED")
    cloud.wait(100)
    sweep(cloud.control)
    assert "req-delete" in fault_of(cloud.server(made[0]))
    assert cloud.server(made[1]).status is ServerStatus.DELETED


def test_a_shelved_server_that_can_not_be_offloaded_holds_up_no_other(cloud: Cloud) -> None:
    cloud.configure(shelved_offload_time=60)
    host = cloud.host("h1", count=2)
    made = [cloud.boot(name)[0].id for name in ("poisoned", "other")]
    host.obey()
    for each in made:
        shelve_server(cloud.control, ADMIN, each, f"req-shelve-{each}")
    host.obey()
    forbid(cloud, "departures", "server_id", made[0], "INSERT")
    cloud.wait(100)
    run_turn(cloud.control, OFFLOAD)
    assert f"req-shelve-{made[0]}" in fault_of(cloud.server(made[0]))
    assert cloud.server(made[1]).status is ServerStatus.SHELVED_OFFLOADED


def test_a_table_that_can_not_be_trimmed_leaves_the_others_trimmed(cloud: Cloud) -> None:
    cloud.create()
    with cloud.control.db.read() as tx:
        [event] = tx.execute(text("SELECT id FROM events WHERE subject = 'server'")).scalars()
    forbid(cloud, "events", "id", str(event), "DELETE")
    cloud.wait(400 * 86400)
    forget_old_rows(cloud.control)
    with cloud.control.db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM events")).scalar_one() == 1
        assert tx.execute(text("SELECT count(*) FROM server_actions")).scalar_one() == 0
    assert failed_items(cloud, "retention") == 1


@pytest.mark.postgres
def test_a_lost_race_is_no_failure_of_anyone(postgres_url: str, tmp_path: Path) -> None:
    """Another process changes the host between snapshot and commit: nothing is decided, and the turn comes again at once."""
    database = Database(postgres_url)
    upgrade(database)
    cloud = Cloud(database, tmp_path)
    host = cloud.host("h1")
    [made] = cloud.create()
    races = [host.id]

    def now() -> datetime:
        while races:
            with database.write() as tx:
                host_store.bump_generation(tx, races.pop())
        return cloud.time

    control = replace(cloud.control, now=now)
    assert run_turn(control, PLACER) is True
    assert cloud.server(made.id).task_state is TaskState.SCHEDULING
    assert run_turn(control, PLACER) is True
    assert cloud.server(made.id).task_state is TaskState.SPAWNING
    assert control.loops.all()["placer"].failed == 0
    database.close()


def settle(hosts: list[Host]) -> None:
    for _ in range(3):
        for host in hosts:
            host.obey()
