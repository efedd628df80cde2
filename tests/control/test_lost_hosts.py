"""Hosts that are forgotten: empty ones, and ones that are gone for good and can't say what they have let go."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from busway.control.devices import listing as devices
from busway.control.hosts import registry as hosts
from busway.control.hosts.forget import delete_host
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.placement.place import place_round
from busway.control.servers.delete import delete_server
from busway.domain.errors import Conflict, Forbidden
from busway.domain.server import ServerStatus
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.control.clouds import ADMIN, USER, Cloud, Host
from tests.store.turns import until_someone_waits


def names(cloud: Cloud) -> list[str]:
    return [host.name for host in hosts.list_hosts(cloud.control, ADMIN)]


def lose(cloud: Cloud, *others: Host) -> None:
    """Time passes, and only the others report."""
    cloud.wait(100)
    for host in others:
        host.obey()


def test_a_lost_host_is_forgotten_once_its_servers_are_evacuated(cloud: Cloud) -> None:
    lost, other = cloud.host("h1"), cloud.host("h2")
    [server] = cloud.boot()
    lost.obey()
    lose(cloud, other)
    with pytest.raises(Conflict, match="busway host delete h1 --lost"):
        delete_host(cloud.control, ADMIN, "h1")
    with pytest.raises(Conflict, match="1 servers are still on it: s") as refused:
        delete_host(cloud.control, ADMIN, "h1", lost=True)
    assert "Evacuate" in refused.value.remedy
    evacuate_server(cloud.control, ADMIN, server.id, "req-e")
    other.obey()
    delete_host(cloud.control, ADMIN, "h1", lost=True)
    assert names(cloud) == ["h2"]
    found = cloud.server(server.id)
    assert (found.status, found.host_name) == (ServerStatus.ACTIVE, "h2")
    assert [device.status for device in devices.list_devices(cloud.control, ADMIN)] == ["allocated"]
    delete_server(cloud.control, ADMIN, server.id, "req-d")
    other.obey()
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert [device.status for device in devices.list_devices(cloud.control, ADMIN)] == ["available"]


def test_servers_that_were_deleted_on_a_lost_host_are_gone_with_it(cloud: Cloud) -> None:
    lost = cloud.host("h1")
    [server] = cloud.boot()
    lost.obey()
    delete_server(cloud.control, ADMIN, server.id, "req-d")
    lose(cloud)
    delete_host(cloud.control, ADMIN, "h1", lost=True)
    assert names(cloud) == []
    assert cloud.server(server.id).status is ServerStatus.DELETED


def test_a_host_that_a_move_still_needs_is_not_given_up(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    [server] = cloud.boot()
    one.obey()
    migrate_server(cloud.control, ADMIN, server.id, "req-m", "h2")
    lose(cloud, one)
    with pytest.raises(Conflict, match="still on it"):
        delete_host(cloud.control, ADMIN, two.name, lost=True)


def test_a_host_that_reports_is_not_lost(cloud: Cloud) -> None:
    cloud.host("h1")
    with pytest.raises(Conflict, match="h1 is up"):
        delete_host(cloud.control, ADMIN, "h1", lost=True)
    with pytest.raises(Forbidden):
        delete_host(cloud.control, USER, "h1", lost=True)


def test_a_new_host_changes_no_other_host_s_number(cloud: Cloud) -> None:
    cloud.host("m")
    cloud.wait(1)
    before = hosts.list_hosts(cloud.control, ADMIN)[0].number
    cloud.host("a")
    after = {host.name: host.number for host in hosts.list_hosts(cloud.control, ADMIN)}
    assert after == {"m": before, "a": before + 1}


@pytest.mark.postgres
def test_no_server_is_placed_on_a_host_that_is_being_forgotten(postgres_url: str, tmp_path: Path) -> None:
    """The deletion waits for the placement that has not committed yet, and then finds its server."""
    database = Database(postgres_url)
    upgrade(database)
    cloud = Cloud(database, tmp_path)
    cloud.host("h1")
    [made] = cloud.create(gpu=False)
    found: list[str] = []

    def forget() -> None:
        try:
            delete_host(cloud.control, ADMIN, "h1")
        except Conflict as error:
            found.append(error.code)

    thread = threading.Thread(target=forget)

    def crashpoint(name: str) -> None:
        if name == "place:before-commit":
            thread.start()
            until_someone_waits(database)

    place_round(replace(cloud.control, crashpoint=crashpoint))
    thread.join(30)
    assert found == ["host-in-use"]
    assert cloud.server(made.id).host_name == "h1"
    database.close()
