"""What a server's user does with its guest while it runs: pause and suspend, and what clients are shown of it."""

import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.api.test_server_acts import act, shown
from tests.api.test_servers import SERVERS, create
from tests.control.clouds import Host


@pytest.fixture
def host(api_server: ApiServer) -> Host:
    return api_server.host()


@pytest.fixture
def running(api_server: ApiServer, host: Host) -> str:
    server = str(create(api_server.client(), api_server.image()).json()["server"]["id"])
    place_round(api_server.control)
    host.obey()
    return server


def states(api_server: ApiServer, server: str) -> tuple[object, ...]:
    found = shown(api_server, server)
    return found["status"], *(found[f"OS-EXT-STS:{name}"] for name in ("vm_state", "task_state", "power_state"))


def test_a_paused_server_is_shown_as_nova_shows_it(api_server: ApiServer, host: Host, running: str) -> None:
    client = api_server.client()

    assert act(client, running, "pause").status_code == 202
    assert states(api_server, running) == ("ACTIVE", "active", "pausing", 1)
    assert act(client, running, "pause").status_code == 409
    host.obey()
    assert states(api_server, running) == ("PAUSED", "paused", None, 3)
    assert act(client, running, "pause").status_code == 409
    assert [each["id"] for each in client.get(SERVERS, params={"status": "PAUSED"}).json()["servers"]] == [running]
    assert act(client, running, "unpause").status_code == 202
    assert states(api_server, running) == ("PAUSED", "paused", "unpausing", 3)
    host.obey()
    assert states(api_server, running) == ("ACTIVE", "active", None, 1)
    assert act(client, running, "unpause").status_code == 409


def test_a_suspended_server_is_shown_as_nova_shows_it(api_server: ApiServer, host: Host, running: str) -> None:
    client = api_server.client()

    assert act(client, running, "suspend").status_code == 202
    assert states(api_server, running) == ("ACTIVE", "active", "suspending", 1)
    host.obey()
    assert states(api_server, running) == ("SUSPENDED", "suspended", None, 4)
    assert act(client, running, "suspend").status_code == 409
    assert act(client, running, "reboot", {"type": "SOFT"}).status_code == 409
    assert act(client, running, "resume").status_code == 202
    assert states(api_server, running) == ("SUSPENDED", "suspended", "resuming", 4)
    host.obey()
    assert states(api_server, running) == ("ACTIVE", "active", None, 1)
    assert act(client, running, "resume").status_code == 409
    done = client.get(f"{SERVERS}/{running}/os-instance-actions").json()["instanceActions"]
    assert [each["action"] for each in done] == ["resume", "suspend", "create"]


def test_who_may_only_read_holds_no_server(api_server: ApiServer, running: str) -> None:
    reader = api_server.client(api_server.user("reader", "reader"))

    assert {
        act(reader, running, name).status_code
        for name in ("pause", "unpause", "suspend", "resume", "rescue", "unrescue")
    } == {403}


def test_a_rescued_server_is_shown_as_nova_shows_it(api_server: ApiServer, host: Host, running: str) -> None:
    client = api_server.client()

    answer = act(client, running, "rescue", {"adminPass": "word"})
    assert (answer.status_code, answer.json()) == (200, {"adminPass": "word"})
    assert states(api_server, running) == ("ACTIVE", "active", "rescuing", 1)
    host.obey()
    assert states(api_server, running) == ("RESCUE", "rescued", None, 1)
    assert act(client, running, "reboot", {"type": "HARD"}).status_code == 409
    assert act(client, running, "unrescue").status_code == 202
    assert states(api_server, running) == ("RESCUE", "rescued", "unrescuing", 1)
    host.obey()
    assert states(api_server, running) == ("ACTIVE", "active", None, 1)
    assert act(client, running, "unrescue").status_code == 409


def test_a_password_is_made_and_what_is_wrong_is_refused(api_server: ApiServer, running: str) -> None:
    client = api_server.client()
    nothing = "00000000-0000-4000-8000-00000000dead"

    assert act(client, running, "rescue", {"rescue_image_ref": "new1"}).status_code == 400
    assert act(client, running, "rescue", {"image": nothing}).status_code == 400
    assert act(client, running, "rescue", {"rescue_image_ref": nothing}).status_code == 400
    assert act(client, "nobody", "rescue").status_code == 404
    assert len(act(client, running, "rescue").json()["adminPass"]) >= 8
