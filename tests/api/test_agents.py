import threading
import time
from collections.abc import Callable

import httpx
import pytest

from busway.api.held_polls import FLOOR_SECONDS
from busway.control.placement.place import place_round
from busway.domain.condition import Conditions, DeviceCondition
from busway.domain.documents import HostResources, Observed
from busway.store import hosts
from busway.wire.documents import decode_desired, encode
from tests.api.many import Work, counted
from tests.api.serving import ApiServer, as_agent
from tests.api.test_servers import SERVERS, create


def agent(api_server: ApiServer, name: str) -> httpx.Client:
    client = httpx.Client(base_url=api_server.url, headers=as_agent(api_server, name), timeout=30)
    api_server.clients.append(client)
    return client


def report(client: httpx.Client, name: str, sequence: int = 1) -> httpx.Response:
    document = Observed(name, sequence, 0, "boot", HostResources(8, 8192, 100))
    return client.put(f"/agent/v1/hosts/{name}/observed", content=encode(document))


def test_a_report_makes_the_host_known_and_its_desired_document_follows(api_server: ApiServer) -> None:
    client = agent(api_server, "host1")

    assert report(client, "host1").status_code == 204
    server = create(api_server.client(), api_server.image()).json()["server"]["id"]
    place_round(api_server.control)

    answer = client.get("/agent/v1/hosts/host1/desired", params={"after": 0, "wait": 0})
    assert [each.id for each in decode_desired(answer.content).servers] == [server]
    after = decode_desired(answer.content).generation
    assert client.get("/agent/v1/hosts/host1/desired", params={"after": after, "wait": 0}).status_code == 204


def test_a_long_poll_ends_as_soon_as_something_is_to_do(api_server: ApiServer) -> None:
    client = agent(api_server, "host1")
    report(client, "host1")
    image = api_server.image()
    answers: list[httpx.Response] = []
    poll = threading.Thread(
        target=lambda: answers.append(client.get("/agent/v1/hosts/host1/desired", params={"after": 0, "wait": 25}))
    )
    poll.start()
    began = time.monotonic()

    create(api_server.client(), image).raise_for_status()
    place_round(api_server.control)
    poll.join(20)

    assert answers[0].status_code == 200
    assert time.monotonic() - began < 20


@pytest.mark.thorough
def test_many_waiting_agents_do_not_starve_the_users(api_server: ApiServer) -> None:
    client = agent(api_server, "host1")
    report(client, "host1")
    url = "/agent/v1/hosts/host1/desired?after=0&wait=8"
    client = httpx.Client(
        base_url=api_server.url, headers=client.headers, limits=httpx.Limits(max_connections=None), timeout=30
    )
    polls = [threading.Thread(target=client.get, args=(url,)) for _ in range(120)]
    for poll in polls:
        poll.start()

    answer = api_server.client().get("/compute/v2.1/flavors")
    waiting = sum(poll.is_alive() for poll in polls)

    assert answer.status_code == 200
    assert waiting > 100
    for poll in polls:
        poll.join(30)
    client.close()


def test_a_host_tells_how_it_does_and_no_other_host_does_for_it(api_server: ApiServer) -> None:
    api_server.host("host1")
    one, two = as_agent(api_server, "host1", rotate=True), as_agent(api_server, "host2")
    told = encode(Conditions("host1", (DeviceCondition("0000:41:00.0", 16.0, 8, 16.0, 16),)))
    url = f"{api_server.url}/agent/v1/hosts/host1/conditions"

    assert httpx.put(url, content=told, headers=two).status_code == 403
    assert httpx.put(url, content=b"{}", headers=one).json()["error"]["code"] == "wire-format"
    assert httpx.put(url, content=b" " * (2 << 20), headers=one).status_code == 413
    assert httpx.put(url, content=told, headers=one).status_code == 204

    [device] = api_server.client().get("/busway/v1/devices").json()["devices"]
    assert (device["condition"]["link_width"], device["findings"]) == (8, [])


def test_a_token_of_another_host_names_both(api_server: ApiServer) -> None:
    agent(api_server, "host1")
    two = agent(api_server, "host2")

    answer = two.get("/agent/v1/hosts/host1/desired")

    assert answer.status_code == 403
    assert "host1" in answer.json()["error"]["brief"] and "host2" in answer.json()["error"]["brief"]


def test_a_report_under_another_name_is_refused(api_server: ApiServer) -> None:
    client = agent(api_server, "host1")
    document = Observed("host2", 1, 0, "boot", HostResources(8, 8192, 100))

    assert client.put("/agent/v1/hosts/host1/observed", content=encode(document)).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer garbage"}, {"Authorization": "Basic x"}])
def test_without_a_good_token_nothing_opens(api_server: ApiServer, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{api_server.url}/agent/v1/hosts/host1/desired", headers=headers)

    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"brief", "detail", "remedy", "code"}


def test_what_is_no_document_is_a_bad_request(api_server: ApiServer) -> None:
    client = agent(api_server, "host1")

    assert client.put("/agent/v1/hosts/host1/observed", content=b"{}").json()["error"]["code"] == "wire-format"


def test_an_agent_fetches_the_images_of_its_own_servers_even_deleted_ones(api_server: ApiServer) -> None:
    one = agent(api_server, "host1")
    report(one, "host1")
    two = agent(api_server, "host2")
    image = api_server.image()
    create(api_server.client(), image).raise_for_status()
    place_round(api_server.control)
    api_server.client().delete(f"/image/v2/images/{image}").raise_for_status()

    assert one.get(f"/agent/v1/images/{image}/file").content == b"data of new1"
    assert two.get(f"/agent/v1/images/{image}/file").status_code == 403


def test_a_console_is_handed_in_and_read_by_the_user(api_server: ApiServer) -> None:
    client = agent(api_server, "host1")
    report(client, "host1")
    server = create(api_server.client(), api_server.image()).json()["server"]["id"]
    place_round(api_server.control)

    client.put(f"/agent/v1/hosts/host1/servers/{server}/console", content=b"one\ntwo\n").raise_for_status()

    answer = api_server.client().post(f"{SERVERS}/{server}/action", json={"os-getConsoleOutput": {"length": 1}})
    assert answer.json() == {"output": "two"}


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> bool:
    """True as soon as something holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _steady(api_server: ApiServer) -> httpx.Client:
    """An agent that has reported what it goes on to report: that it knows its document, and that it has no servers."""
    client = agent(api_server, "host1")
    report(client, "host1", 1).raise_for_status()
    return client


def _sequence(api_server: ApiServer) -> int:
    with api_server.control.db.read() as tx:
        host = hosts.find_host(tx, "host1")
    assert host is not None
    return host.sequence


def test_a_report_that_says_the_same_again_asks_nothing_of_the_database_and_is_marked_soon(
    api_server: ApiServer,
) -> None:
    client = _steady(api_server)

    with counted(api_server.control.db) as work:
        assert report(client, "host1", 2).status_code == 204
        asked = len(work.statements)

    assert asked == 0
    assert eventually(lambda: _sequence(api_server) == 2)


def test_a_report_that_says_something_new_is_taken_in_at_once(api_server: ApiServer) -> None:
    client = _steady(api_server)
    document = Observed("host1", 2, 0, "boot", HostResources(16, 8192, 100))

    client.put("/agent/v1/hosts/host1/observed", content=encode(document)).raise_for_status()

    with api_server.control.db.read() as tx:
        host = hosts.find_host(tx, "host1")
    assert host is not None and host.resources is not None
    assert host.resources.vcpus == 16


def test_a_credential_that_was_taken_back_is_noticed_though_the_report_is_the_same(api_server: ApiServer) -> None:
    client = _steady(api_server)
    with api_server.control.db.write() as tx:
        host = hosts.find_host(tx, "host1")
        assert host is not None
        hosts.set_token(tx, host.id, "another")
    sequences = iter(range(2, 1000))

    assert eventually(lambda: report(client, "host1", next(sequences)).status_code == 401)


@pytest.mark.thorough
def test_the_polls_that_wait_for_consoles_share_one_query_each_second(api_server: ApiServer) -> None:
    names = [f"host{number}" for number in range(8)]
    clients = {name: agent(api_server, name) for name in names}
    polls = [
        threading.Thread(target=client.get, args=(f"/agent/v1/hosts/{name}/consoles?wait=20",), daemon=True)
        for name, client in clients.items()
    ]
    with counted(api_server.control.db) as work:
        for poll in polls:
            poll.start()
        assert eventually(lambda: _of_consoles(work) >= len(names))  # each looked once by itself
        began, before = time.monotonic(), _of_consoles(work)
        assert eventually(lambda: _of_consoles(work) >= before + 3)
        seconds, asked = time.monotonic() - began, _of_consoles(work) - before

    assert asked <= seconds / FLOOR_SECONDS + 2
    assert all(poll.is_alive() for poll in polls)
    api_server.server.should_exit = True  # answers them all
    for poll in polls:
        poll.join(20)


def _of_consoles(work: Work) -> int:
    return sum("remote_consoles" in statement for statement in work.statements)


def test_news_come_without_a_ring_too(api_server: ApiServer) -> None:
    client = _steady(api_server)
    answers: list[httpx.Response] = []
    url = "/agent/v1/hosts/host1/desired?after=0&wait=25"
    poll = threading.Thread(target=lambda: answers.append(client.get(url)))
    poll.start()
    with api_server.control.db.write() as tx:
        host = hosts.find_host(tx, "host1")
        assert host is not None
        hosts.bump_generation(tx, host.id)

    poll.join(15)

    assert [answer.status_code for answer in answers] == [200]
