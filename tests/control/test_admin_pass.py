"""The password of a guest's administrator: the guest is told of it once, and nothing keeps it afterwards."""

import json

from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.servers.power import start_server, stop_server
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.domain.server import Server
from busway.store.servers import find_server
from tests.control.clouds import ADMIN, Cloud, Host


def told(host: Host) -> str | None:
    [server] = host.desired().servers
    found = json.loads(server.config_drive.meta_data).get("admin_pass")
    return None if found is None else str(found)


def kept(cloud: Cloud, server: Server) -> str | None:
    with cloud.control.db.read() as tx:
        row = find_server(tx, server.id)
    assert row is not None
    return row.admin_pass


def test_a_new_guest_is_told_once_and_the_password_is_forgotten_when_it_runs(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(admin_pass="first")

    before = told(host)
    host.obey()

    assert (before, told(host), kept(cloud, server)) == ("first", None, None)


def test_a_guest_that_is_started_again_is_not_told_again(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(admin_pass="first")
    host.obey()
    stop_server(cloud.control, ADMIN, server.id, "req-1")
    host.obey()
    start_server(cloud.control, ADMIN, server.id, "req-2")

    assert told(host) is None


def test_a_rebuilt_guest_is_told_of_its_new_password(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(admin_pass="first")
    host.obey()
    rebuild_server(cloud.control, ADMIN, server.id, Rebuild(server.image_id, admin_pass="second"), "req-1")

    before = told(host)
    host.obey()

    assert (before, kept(cloud, server)) == ("second", None)


def test_an_evacuated_guest_is_told_of_its_new_password(cloud: Cloud) -> None:
    lost = cloud.host("h1")
    [server] = cloud.boot(admin_pass="first")
    lost.obey()
    cloud.wait(60)
    other = cloud.host("h2")
    evacuate_server(cloud.control, ADMIN, server.id, "req-1", admin_pass="second")

    before = told(other)
    other.obey()

    assert (before, kept(cloud, server)) == ("second", None)
