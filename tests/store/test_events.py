"""Events and actions: only ever added, in the order in which they were, found by whom they concern."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from busway.domain.ids import DeviceId, ProjectId, ServerId, UserId
from busway.domain.server import ServerAction
from busway.store import actions, events
from busway.store.database import Database
from busway.store.events import Event
from tests.store.rows import H1, H2, NOON, S1, add_server

D1 = DeviceId("d1")


def event(new: str, at: datetime = NOON, **whom: object) -> Event:
    return Event(at, "device", None, new, "because", **whom)  # type: ignore[arg-type]


def test_an_event_comes_back_as_it_was_with_a_number(database: Database) -> None:
    written = Event(NOON, "device", "available", "claimed", "placed for alias ä", H1, D1, S1)
    with database.write() as tx:
        events.add_event(tx, written)

        [read] = events.list_events(tx)

    assert read == Event(NOON, "device", "available", "claimed", "placed for alias ä", H1, D1, S1, read.id)
    assert read.id > 0


def test_the_newest_are_told_oldest_first(database: Database) -> None:
    with database.write() as tx:
        events.add_events(tx, [event(str(number)) for number in range(5)])
        events.add_events(tx, [])

        assert [each.new for each in events.list_events(tx, limit=3)] == ["2", "3", "4"]


def test_events_are_found_by_whom_they_concern(database: Database) -> None:
    with database.write() as tx:
        events.add_event(tx, event("a", host_id=H1, device_id=D1))
        events.add_event(tx, event("b", host_id=H1, server_id=S1))
        events.add_event(tx, event("c", host_id=H2, server_id=S1))

        assert [each.new for each in events.list_events(tx, host_id=H1)] == ["a", "b"]
        assert [each.new for each in events.list_events(tx, server_id=S1)] == ["b", "c"]
        assert [each.new for each in events.list_events(tx, device_id=D1, host_id=H1)] == ["a"]


def test_a_time_is_the_same_moment_in_every_database(database: Database) -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    with database.write() as tx:
        events.add_event(tx, event("a", tokyo + timedelta(microseconds=7)))

        [read] = events.list_events(tx)

    assert read.at == NOON + timedelta(microseconds=7) and read.at.tzinfo == UTC


def test_a_time_without_its_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without its zone"), database.write() as tx:
        events.add_event(tx, event("a", NOON.replace(tzinfo=None)))


def test_actions_tell_what_was_asked_and_what_became_of_it(database: Database) -> None:
    def action(request: str, what: str) -> ServerAction:
        return ServerAction(S1, request, what, UserId("u"), ProjectId("p"), NOON, NOON)

    with database.write() as tx:
        actions.add_actions(tx, [action("req-1", "create"), action("req-2", "reboot")])
        actions.fail_last_action(tx, S1, "no", NOON + timedelta(seconds=1))

        newest, first = actions.list_actions(tx, S1)
        last = actions.last_request(tx, S1)

    assert (newest.request_id, newest.message, newest.updated) == ("req-2", "no", NOON + timedelta(seconds=1))
    assert (first.request_id, first.message) == ("req-1", None)
    assert last == "req-2"


def test_servers_of_one_request_that_wait_are_found_by_any_of_them(database: Database) -> None:
    with database.write() as tx:
        for number, (request, host) in enumerate([("a", None), ("b", None), ("a", None), ("a", H1)]):
            server_id = ServerId(f"s{number}")
            add_server(tx, server_id, host_id=host)
            made = ServerAction(server_id, request, "create", UserId("u"), ProjectId("p"), NOON, NOON)
            actions.add_actions(tx, [made])

        assert actions.waiting_together(tx, [ServerId("s2")]) == {"a": {"s0", "s2"}}
