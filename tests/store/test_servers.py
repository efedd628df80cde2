"""Servers as stored: who waits, who takes up room, who leaves, and in which order each is seen."""

from datetime import timedelta

import pytest

from busway.domain.errors import Conflict
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId, ServerId
from busway.domain.server import PowerState, ServerFault, ServerStatus, TaskState
from busway.store import consoles, server_places, servers
from busway.store.database import Database
from busway.store.servers import Intent
from tests.store.rows import H1, H2, NOON, P1, P2, S1, S2, add_server

S3 = ServerId("s3")


def test_a_server_comes_back_with_its_types(database: Database) -> None:
    fault = ServerFault(500, "no valid host", "details", NOON)
    with database.write() as tx:
        add_server(tx, status=ServerStatus.ERROR, power=PowerState.CRASHED, fault=fault, hints={"group": ["g", 1]})

        row = servers.find_server(tx, S1)

    assert row is not None
    assert row.flavor == Flavor(FlavorId("f"), "gpu", 256, 1, 1, extra_specs={"pci_passthrough:alias": "a:1"})
    assert (row.status, row.task_state, row.power) == (ServerStatus.ERROR, None, PowerState.CRASHED)
    assert (row.fault, row.intent, row.hints, row.tags) == (fault, Intent.PRESENT, {"group": ["g", 1]}, ["t"])
    assert (row.created, row.launched, row.metadata) == (NOON, None, {"k": "v"})


def test_a_change_says_when_it_was_and_leaves_the_rest(database: Database) -> None:
    later = NOON + timedelta(seconds=5)
    with database.write() as tx:
        add_server(tx)
        servers.update_server(tx, S1, later, task_state=TaskState.SPAWNING, fault=None, host_id=H1)

        row = servers.find_server(tx, S1)

    assert row is not None
    assert (row.task_state, row.host_id, row.updated, row.created) == (TaskState.SPAWNING, H1, later, NOON)
    assert row.flavor.name == "gpu"


def test_an_id_is_given_once(database: Database) -> None:
    with pytest.raises(Conflict), database.write() as tx:
        add_server(tx)
        add_server(tx)


def test_nobody_is_none(database: Database) -> None:
    with database.read() as tx:
        assert servers.find_server(tx, "nobody") is None


def test_lists_are_of_a_project_newest_first_and_the_deleted_apart(database: Database) -> None:
    with database.write() as tx:
        add_server(tx, S1)
        add_server(tx, S2, project_id=P2)
        add_server(tx, S3)
        add_server(tx, ServerId("s4"), status=ServerStatus.DELETED)

        assert [row.id for row in servers.list_servers(tx)] == [S3, S2, S1]
        assert [row.id for row in servers.list_servers(tx, P1)] == [S3, S1]
        assert [row.id for row in servers.list_servers(tx, deleted=True)] == ["s4"]


def test_those_wait_for_a_host_that_are_to_be_and_have_none(database: Database) -> None:
    with database.write() as tx:
        add_server(tx, S2)
        add_server(tx, S1)
        add_server(tx, S3, host_id=H1)
        add_server(tx, ServerId("s4"), intent=Intent.ABSENT)
        add_server(tx, ServerId("s5"), status=ServerStatus.ERROR)

        assert [row.id for row in server_places.list_unplaced(tx, 10)] == [S2, S1]
        assert [row.id for row in server_places.list_unplaced(tx, 1, lock=True)] == [S2]


def test_what_is_not_gone_takes_up_room_on_its_host(database: Database) -> None:
    with database.write() as tx:
        add_server(tx, S2, host_id=H1, intent=Intent.ABSENT)
        add_server(tx, S1, host_id=H1)
        add_server(tx, S3, host_id=H1, intent=Intent.GONE)
        add_server(tx, ServerId("s4"), host_id=H2)
        add_server(tx, ServerId("s5"))

        assert [row.id for row in server_places.list_on_host(tx, H1, lock=True)] == [S2, S1]
        assert sorted(row.id for row in server_places.list_placed(tx)) == [S1, S2, "s4"]


def test_those_leave_that_their_user_has_deleted(database: Database) -> None:
    with database.write() as tx:
        add_server(tx, S1, intent=Intent.ABSENT, task_state=TaskState.DELETING)
        add_server(tx, S2, intent=Intent.ABSENT, status=ServerStatus.ERROR)

        assert [row.id for row in server_places.list_leaving(tx)] == [S1]


def test_a_console_is_replaced_and_dropped(database: Database) -> None:
    with database.write() as tx:
        consoles.put_console(tx, S1, "booting", NOON)
        consoles.put_console(tx, S1, "login: ü", NOON)
        consoles.put_console(tx, S2, "other", NOON)
        kept = consoles.get_console(tx, S1)
        consoles.drop_consoles(tx, [S1])

        assert (kept, consoles.get_console(tx, S1), consoles.get_console(tx, S2)) == ("login: ü", "", "other")
