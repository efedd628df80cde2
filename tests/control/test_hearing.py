"""A host whose reports nobody could hear is not down: what follows from a control plane that was away for longer than a lease."""

from datetime import UTC, datetime, timedelta

import pytest

from busway.control.devices import listing as devices
from busway.control.hosts.forget import delete_host
from busway.control.hosts.hearing import Hearing
from busway.control.loops.hearing import LOOP
from busway.control.loops.loop import run_turn
from busway.control.loops.sweeper import sweep
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.placement.place import place_round
from busway.control.servers.delete import delete_server
from busway.domain.errors import Unavailable
from busway.domain.server import ServerStatus, TaskState
from tests.control.clouds import ADMIN, Cloud

LONG, LEASE = 100, 30


def come_back(cloud: Cloud) -> None:
    """The control plane was away for longer than a lease, and listens again."""
    cloud.wait(LONG)
    run_turn(cloud.control, LOOP)


def listen_for(cloud: Cloud, seconds: int) -> None:
    """Time passes in which hosts could be heard."""
    for _ in range(seconds):
        cloud.wait(1)
        run_turn(cloud.control, LOOP)


def test_a_server_waits_until_its_host_can_have_reported(cloud: Cloud) -> None:
    host = cloud.host("h1")
    come_back(cloud)
    [server] = cloud.create()
    decided = place_round(cloud.control)
    waiting = cloud.server(server.id)
    host.obey()
    place_round(cloud.control)
    host.obey()

    assert decided == 0  # or the loop would turn without a pause
    assert (waiting.status, waiting.task_state) == (ServerStatus.BUILD, TaskState.SCHEDULING)
    assert cloud.server(server.id).status is ServerStatus.ACTIVE


def test_a_server_is_refused_once_its_host_has_been_silent_for_a_lease(cloud: Cloud) -> None:
    cloud.host("h1")
    come_back(cloud)
    [server] = cloud.create()
    listen_for(cloud, LEASE - 1)
    place_round(cloud.control)
    before = cloud.server(server.id).status
    listen_for(cloud, 1)
    place_round(cloud.control)

    assert (before, cloud.server(server.id).status) == (ServerStatus.BUILD, ServerStatus.ERROR)


def test_what_does_not_fit_hosts_that_have_reported_is_refused_at_once(cloud: Cloud) -> None:
    host = cloud.host("h1", 1)
    come_back(cloud)
    host.obey()
    cloud.boot()
    [second] = cloud.boot()

    assert cloud.server(second.id).status is ServerStatus.ERROR


def test_a_deletion_waits_for_a_host_that_could_not_be_heard(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    come_back(cloud)
    delete_server(cloud.control, ADMIN, server.id, "req-d")
    sweep(cloud.control)
    before = cloud.server(server.id).status
    host.obey()

    assert before is not ServerStatus.DELETED
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert {device.status for device in devices.list_devices(cloud.control, ADMIN)} == {"available"}


def test_no_server_is_evacuated_from_a_host_that_could_not_be_heard(cloud: Cloud) -> None:
    lost, other = cloud.host("h1"), cloud.host("h2")
    [server] = cloud.boot()
    lost.obey()
    come_back(cloud)
    other.obey()
    with pytest.raises(Unavailable, match="not known yet whether host h1 is down") as refused:
        evacuate_server(cloud.control, ADMIN, server.id, "req-e")
    assert (refused.value.code, "30 seconds" in refused.value.remedy) == ("host-not-heard", True)
    with pytest.raises(Unavailable, match="host h1"):
        delete_host(cloud.control, ADMIN, "h1", lost=True)

    listen_for(cloud, LEASE)
    other.obey()
    evacuate_server(cloud.control, ADMIN, server.id, "req-e")
    other.obey()

    assert cloud.server(server.id).host_name == "h2"


def test_a_move_is_not_refused_for_hosts_that_could_not_be_heard(cloud: Cloud) -> None:
    host, other = cloud.host("h1"), cloud.host("h2")
    [server] = cloud.boot()
    host.obey()
    come_back(cloud)
    host.obey()
    with pytest.raises(Unavailable, match="others may be up") as refused:
        migrate_server(cloud.control, ADMIN, server.id, "req-m")
    other.obey()
    migrate_server(cloud.control, ADMIN, server.id, "req-m")

    assert refused.value.code == "host-not-heard"
    assert cloud.server(server.id).status is ServerStatus.RESIZE


def test_a_gap_begins_the_time_anew() -> None:
    now, hearing = datetime(2026, 1, 1, tzinfo=UTC), Hearing()
    assert hearing.heard_for(now) == timedelta.max
    hearing.beat(now)
    for seconds in (5, 10, 15):
        hearing.beat(now + timedelta(seconds=seconds))
    assert hearing.heard_for(now + timedelta(seconds=18)) == timedelta(seconds=18)
    later = now + timedelta(seconds=60)
    assert hearing.heard_for(later) == timedelta()  # before the next beat too
    hearing.beat(later)
    assert hearing.heard_for(later + timedelta(seconds=3)) == timedelta(seconds=3)
    hearing.beat(now)  # the clock was set back
    assert hearing.heard_for(now) == timedelta()


def test_a_database_that_is_away_is_no_beat(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    come_back(cloud)

    def away() -> None:
        raise OSError("the database is away")

    monkeypatch.setattr(cloud.control.db, "read", away)
    listen_for(cloud, LEASE)

    assert cloud.control.hearing.heard_for(cloud.control.now()) == timedelta()
