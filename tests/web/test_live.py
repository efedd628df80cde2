"""What happens is told as it happens, to whom it concerns, and to a bounded number."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from typing import Any

import httpx
import pytest

from busway.control.hosts import registry
from busway.control.identity.bearer import authenticate
from busway.control.observation.conditions import put_conditions
from busway.domain.condition import Conditions, DeviceCondition
from busway.web import live
from tests.api.serving import ApiServer
from tests.web.console import Console, logged_in

_WITHIN = 2.0


@contextmanager
def _listening(console: Console) -> Iterator["Queue[tuple[str, Any]]"]:
    """A stream of a browser; its events with their data."""
    heard: Queue[tuple[str, Any]] = Queue()
    cookies = dict(console.http.cookies)
    with (
        httpx.Client(base_url=console.server.url, cookies=cookies, timeout=30) as client,
        client.stream("GET", "/ui/live") as answer,
    ):
        assert answer.status_code == 200
        thread = threading.Thread(target=_read, args=(answer, heard), daemon=True)
        thread.start()
        yield heard


def _read(answer: httpx.Response, heard: "Queue[tuple[str, Any]]") -> None:
    name = ""
    try:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                heard.put((name, json.loads(line.removeprefix("data: "))))
    except httpx.HTTPError:
        return
    except httpx.StreamError:
        return


def _next(heard: "Queue[tuple[str, Any]]", name: str, seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found, data = heard.get(timeout=max(0.01, deadline - time.monotonic()))
        if found == name:
            return data


def _all_devices(heard: "Queue[tuple[str, Any]]") -> Any:
    """What a stream tells of all devices at its beginning: at once where the watcher runs, else after its first look."""
    found = _next(heard, "devices")
    return found or _next(heard, "devices")


def test_a_claimed_device_is_told_within_two_seconds(api_server: ApiServer) -> None:
    api_server.host(count=2)
    image = api_server.image()
    console = logged_in(api_server)
    with _listening(console) as heard:
        assert {state["status"] for state in _all_devices(heard).values()} == {"available"}
        with api_server.client(version="2.90") as admin:
            admin.post(
                "/compute/v2.1/flavors/1/os-extra_specs", json={"extra_specs": {"pci_passthrough:alias": "a1:1"}}
            )
            body = {"name": "s1", "flavorRef": "1", "imageRef": image, "networks": "auto"}
            admin.post("/compute/v2.1/servers", json={"server": body}).raise_for_status()
        from busway.control.placement.place import place_round

        began = time.monotonic()
        place_round(api_server.control)
        changed = _next(heard, "devices")

    assert time.monotonic() - began < _WITHIN
    [state] = changed.values()
    assert (state["status"], state["server"]) == ("claimed", "s1")


@pytest.mark.thorough
def test_a_host_that_does_otherwise_is_told_and_only_its_devices_are(api_server: ApiServer) -> None:
    one, two = api_server.host("one"), api_server.host("two")
    for host in (one, two):
        put_conditions(api_server.control, host.id, _told(host.name, 40))
    console = logged_in(api_server)
    with _listening(console) as heard:
        _all_devices(heard)
        put_conditions(api_server.control, one.id, _told("one", 95))

        changed = _next(heard, "devices", 3 * live.CONDITION_SECONDS)

    assert [state["busy"] for state in changed.values()] == ["95"]


def _told(host: str, busy: int) -> Conditions:
    return Conditions(host, (DeviceCondition("0000:41:00.0", utilization=busy),))


def test_a_tenant_hears_of_servers_of_their_own_project_and_of_no_device(api_server: ApiServer) -> None:
    image = api_server.image()
    ann = api_server.user("ann")
    api_server.user("bob")
    with _listening(logged_in(api_server, "ann", "pw")) as anns, _listening(logged_in(api_server, "bob", "pw")) as bobs:
        body = {"name": "s1", "flavorRef": "1", "imageRef": image, "networks": "auto"}
        with api_server.client(ann, version="2.90") as client:
            client.post("/compute/v2.1/servers", json={"server": body}).raise_for_status()
        assert _next(anns, "servers") == {}
        api_server.host("later")
        time.sleep(2 * live.LOOK_SECONDS)  # both streams had the time in which a wrong event would come
        told = []
        for heard in (anns, bobs):
            with pytest.raises(Empty):
                while True:
                    told.append(heard.get_nowait())
    assert [name for name, _ in told if name == "devices"] == []
    assert told == [] or all(name == "servers" for name, _ in told)


def test_a_user_has_a_bounded_number_of_streams(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS_OF_USER", 2)
    console = logged_in(api_server)
    with _listening(console) as one, _listening(console) as two:
        one.get(timeout=10), two.get(timeout=10)

        answer = console.http.get("/ui/live")

        assert answer.status_code == 503
        assert answer.headers["retry-after"]


def test_a_stream_ends_with_its_session(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.2)
    console = logged_in(api_server)
    with _listening(console) as heard:
        _next(heard, "devices")
        secret = console.http.cookies["busway_session"]
        api_server.client().delete(
            "/identity/v3/auth/tokens", headers={"x-auth-token": secret, "x-subject-token": secret}
        ).raise_for_status()

        assert _next(heard, "over") == {}


def test_a_disabled_host_changes_no_device(api_server: ApiServer) -> None:
    """What did not change is not told again."""
    api_server.host()
    console = logged_in(api_server)
    with _listening(console) as heard:
        _all_devices(heard)
        admin = authenticate(api_server.control, api_server.admin)
        registry.set_enabled(api_server.control, admin, "host1", enabled=False)
        with pytest.raises(Empty):
            _next(heard, "devices", 3 * live.LOOK_SECONDS)
