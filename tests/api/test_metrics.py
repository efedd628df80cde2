"""/metrics over HTTP: who may read it, and that it says what the cloud is."""

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from busway.control import figures
from busway.control.devices.recycle import USED_ONCE
from busway.control.loops.loop import all_loops, run_turn
from busway.control.placement.place import place_round
from busway.metrics.meters import FRESH_SECONDS
from busway.store import devices
from tests.api.serving import ApiServer

STALE = 3600.0  # seconds; a reading that took long is kept for longer than one second


def scrape(server: ApiServer, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}/metrics", headers=headers, timeout=30)


class Told:
    """What one scrape told."""

    def __init__(self, text: str) -> None:
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels; -1 for none."""
        found = [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]
        return sum(found) if found else -1


def told(server: ApiServer) -> Told:
    """What is told once the last reading is stale."""
    server.clock.readings_ahead += STALE
    answer = scrape(server)
    answer.raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain")
    return Told(answer.text)


def boot(server: ApiServer, **more: Any) -> str:
    client, image = server.client(), server.image()
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    client.post("/compute/v2.1/flavors/2/os-extra_specs", json=specs).raise_for_status()
    body = {"server": {"name": "s", "flavorRef": "2", "imageRef": image, **more}}
    return str(client.post("/compute/v2.1/servers", json=body).json()["server"]["id"])


def place(server: ApiServer) -> None:
    [placer] = [loop for loop in all_loops() if loop.name == "placer"]
    run_turn(server.control, placer)


def test_the_cloud_is_told(api_server: ApiServer) -> None:
    host = api_server.host("h1", 3)
    boot(api_server)
    boot(api_server, min_count=5)
    before = told(api_server)
    api_server.clock.ahead += timedelta(seconds=5)
    place(api_server)
    api_server.clock.ahead += timedelta(seconds=7)
    host.obey()
    with api_server.control.db.write() as tx:
        free = next(row for row in devices.list_devices(tx) if row.device.address.bus == 0x43)
        devices.set_quarantine(tx, free.id, USED_ONCE)
    after = told(api_server)

    assert before("busway_servers_waiting") == 6 and before("busway_servers_waiting_oldest_seconds") < 60
    assert before("busway_devices", host="h1", model="1234:1111", status="available", quarantine="") == 3
    assert after("busway_devices", status="allocated") == after("busway_claims", state="allocated") == 1
    assert after("busway_devices", host="h1", status="quarantined", quarantine="used-once") == 1
    assert after("busway_servers", status="ACTIVE", task_state="") == 1
    assert after("busway_servers", status="ERROR") == 5
    assert after("busway_servers_waiting") == 0
    assert after("busway_host_up", host="h1") == after("busway_host_enabled", host="h1") == 1
    assert after("busway_placements_total") == 1
    assert after("busway_placement_refusals_total", rule="PciPassthroughFilter") == 5
    assert after("busway_loop_turns_total", loop="placer") == 1
    assert 5 <= after("busway_server_state_seconds_sum", status="BUILD", task_state="scheduling") / 6 < 20
    assert 7 <= after("busway_server_state_seconds_sum", status="BUILD", task_state="spawning") < 20
    assert after("busway_api_requests_total", method="POST", path="/compute/v2.1/servers", code="202") == 2
    assert after("busway_api_request_seconds_count", method="POST", path="/compute/v2.1/servers") == 2


@pytest.mark.thorough
def test_paths_that_nobody_knows_are_one_series(api_server: ApiServer) -> None:
    for number in range(30):
        httpx.get(f"{api_server.url}/nothing/{number}")
        httpx.get(f"{api_server.url}/compute/v2.1/servers/{number}", headers={"x-auth-token": "bad"})

    found = told(api_server)

    assert found("busway_api_requests_total", method="", path="", code="404") == 30
    assert found("busway_api_requests_total", method="GET", path="/compute/v2.1/servers/{id}", code="401") == 30
    assert len([each for each in found.samples if each.name == "busway_api_requests_total"]) < 5


def test_a_stay_is_told_only_once_it_is_committed(api_server: ApiServer) -> None:
    boot(api_server)
    api_server.host("h1", 1)

    class Died(Exception):
        pass

    def die(name: str) -> None:
        if name == "place:before-commit":
            raise Died

    object.__setattr__(api_server.control, "crashpoint", die)
    with pytest.raises(Died):
        place_round(api_server.control)
    object.__setattr__(api_server.control, "crashpoint", lambda _name: None)

    assert told(api_server)("busway_server_state_seconds_count", task_state="scheduling") == -1
    place(api_server)
    assert told(api_server)("busway_server_state_seconds_count", task_state="scheduling") == 1


def test_without_a_token_only_this_machine_reads(api_server: ApiServer) -> None:
    assert scrape(api_server).status_code == 200
    for header in ("x-forwarded-for", "forwarded", "x-real-ip"):
        answer = scrape(api_server, **{header: "127.0.0.1"})
        assert (answer.status_code, answer.headers["x-busway-error-code"]) == (403, "metrics-local")


def test_with_a_token_only_its_bearer_reads(api_server: ApiServer) -> None:
    object.__setattr__(api_server.control.settings, "metrics_token", "secret")

    assert scrape(api_server).headers["x-busway-error-code"] == "metrics-token"
    assert scrape(api_server, authorization="Bearer wrong").status_code == 401
    assert scrape(api_server, authorization="Bearer secret", **{"x-forwarded-for": "10.0.0.1"}).status_code == 200


@pytest.mark.thorough
def test_scrapes_without_end_cost_one_reading_a_second(api_server: ApiServer) -> None:
    api_server.host("h1", 3)
    told(api_server)
    queries: list[str] = []
    event.listen(
        api_server.control.db.engine, "before_cursor_execute", lambda _c, _k, statement, *_r: queries.append(statement)
    )
    api_server.clock.readings_ahead += STALE
    began = time.monotonic()
    for _ in range(50):
        scrape(api_server)
    seconds = time.monotonic() - began
    first = len(queries)

    assert 0 < first <= 30 * (1 + seconds / FRESH_SECONDS)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (USED_ONCE, "used-once"),
        ("its host has handed in no record of how it came back", "handover"),
        ("it is not what was first seen: firmware a, not b", "handover"),
        ("0000:41:00.0 can't be reset. 2 programs hold it", "fault"),
    ],
)
def test_a_reason_becomes_one_word(reason: str, kind: str) -> None:
    assert figures.quarantine_kind(reason) == kind
