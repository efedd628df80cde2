"""Usage over HTTP and on the command line: device-seconds of Busway's API, and Nova's hours of servers."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from busway.cli.main import main
from busway.control.identity.directory import clouds_yaml
from busway.control.placement import place
from tests.api.serving import PASSWORD, ApiServer

NOVA = "/compute/v2.1/os-simple-tenant-usage"


@pytest.fixture
def used(api_server: ApiServer) -> ApiServer:
    """Two servers with a GPU each that ran for an hour of the last two; one is deleted since half an hour."""
    client, host = api_server.client(), api_server.host(count=2)
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    client.post("/compute/v2.1/flavors/2/os-extra_specs", json=specs).raise_for_status()
    image = api_server.image()
    ids = []
    for name in ("one", "=two"):
        server = {"name": name, "flavorRef": "2", "imageRef": image}
        ids.append(client.post("/compute/v2.1/servers", json={"server": server}).json()["server"]["id"])
    place.place_round(api_server.control)
    _later(api_server, 1800)
    host.obey()
    _later(api_server, 1800)
    client.delete(f"/compute/v2.1/servers/{ids[0]}").raise_for_status()
    host.obey()
    _later(api_server, 1800)
    return api_server


def _later(server: ApiServer, seconds: int) -> None:
    server.clock.ahead += timedelta(seconds=seconds)


def _before(server: ApiServer, seconds: int) -> str:
    return (server.clock() - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def about(seconds: float, per: float = 1) -> Any:
    """So long, and a little that the test itself takes."""
    return pytest.approx(seconds / per, abs=20 / per)


def usage(server: ApiServer, **params: Any) -> dict[str, Any]:
    answer = server.client().get("/busway/v1/usage", params=params)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()["usage"]
    return found


def busway(server: ApiServer, folder: Path, *arguments: str, code: int = 0) -> str:
    path = folder / "clouds.yaml"
    path.write_text(clouds_yaml(server.url, PASSWORD))
    done = CliRunner().invoke(main, [*arguments, "--clouds", str(path)])
    assert done.exit_code == code, done.output
    return done.output


def test_device_seconds_are_told_by_project_and_by_model(used: ApiServer) -> None:
    [line] = usage(used)["lines"]
    [model] = usage(used, by="project,model", all_projects="true")["lines"]
    servers = usage(used, by="server")["lines"]

    assert (line["project_name"], line["devices"]) == ("admin", 2)
    assert (line["allocated_seconds"], line["held_seconds"]) == (about(5400), about(9000))
    assert (model["vendor_id"], model["product_id"], model["held_seconds"]) == ("1234", "1111", about(9000))
    assert {each["server_name"]: each["allocated_seconds"] for each in servers} == {
        "one": about(1800),
        "=two": about(3600),
    }


def test_nonsense_is_refused(used: ApiServer) -> None:
    client = used.client()
    asked = {"by": "moon"}, {"start": "yesterday"}, {"start": "2030-01-01"}, {"end": "0001-01-01T00:00:00+14:00"}

    codes = [client.get("/busway/v1/usage", params=each).json()["error"]["code"] for each in asked]
    page = client.get("/busway/v1/usage/entries", params={"marker": "none"})

    assert codes == ["usage-by-unknown", "not-a-time", "usage-window", "not-a-time"]
    assert (page.status_code, page.json()["error"]["code"]) == (400, "unknown-marker")


def test_a_member_reads_their_own_usage_only(used: ApiServer) -> None:
    ann = used.client(used.user("ann"))

    assert ann.get("/busway/v1/usage").json()["usage"]["lines"] == []
    assert ann.get("/busway/v1/usage", params={"project": "admin"}).status_code == 403
    assert ann.get("/busway/v1/usage/entries", params={"all_projects": "true"}).status_code == 403
    assert ann.get(NOVA).status_code == 403


def test_nova_hours_are_those_of_the_servers(used: ApiServer) -> None:
    client = used.client()
    start, end = _before(used, 7200), _before(used, 0)

    [listed] = client.get(NOVA, params={"start": start, "end": end}).json()["tenant_usages"]
    shown = client.get(f"{NOVA}/{listed['tenant_id']}", params={"start": start, "end": end}).json()["tenant_usage"]

    assert listed["total_hours"] == about(5400, 3600)
    assert "server_usages" not in listed
    for word in ("1", "True"):  # Nova's, and that of python-openstackclient, which counts servers by it
        [detailed] = client.get(NOVA, params={"start": start, "end": end, "detailed": word}).json()["tenant_usages"]
        assert len(detailed["server_usages"]) == 2
    assert {each["name"]: each["state"] for each in shown["server_usages"]} == {"one": "terminated", "=two": "active"}
    assert {each["name"]: each["hours"] for each in shown["server_usages"]} == {
        "one": about(1800, 3600),
        "=two": about(3600, 3600),
    }
    first = shown["server_usages"][0]
    assert shown["total_memory_mb_usage"] == pytest.approx(shown["total_hours"] * first["memory_mb"])
    assert first.keys() >= {
        "flavor",
        "vcpus",
        "local_gb",
        "started_at",
        "ended_at",
        "uptime",
        "instance_id",
        "tenant_id",
    }
    assert client.get(NOVA, params={"start": end, "end": start}).status_code == 400
    assert client.get(NOVA, params={"start": "2026-13-01T00:00:00"}).status_code == 400
    assert client.get(f"{NOVA}/none-such", params={"start": start}).json() == {"tenant_usage": {}}


def test_nova_pages_servers_from_2_40_on(used: ApiServer) -> None:
    client, old = used.client(version="2.40"), used.client(version="2.39")
    params: dict[str, Any] = {"start": _before(used, 7200), "limit": 1, "detailed": 1}
    project = usage(used)["lines"][0]["project_id"]
    seen, page = [], client.get(NOVA, params=params).json()
    while page["tenant_usages"]:
        seen += [each["name"] for each in page["tenant_usages"][0]["server_usages"]]
        page = client.get(page["tenant_usages_links"][0]["href"]).json()

    assert sorted(seen) == ["=two", "one"]
    assert "tenant_usages_links" not in page
    assert client.get(NOVA, params={**params, "marker": "none"}).status_code == 400
    assert "tenant_usage_links" in client.get(f"{NOVA}/{project}", params=params).json()
    assert len(old.get(NOVA, params=params).json()["tenant_usages"][0]["server_usages"]) == 2


def test_the_command_adds_costs_by_a_price_list(used: ApiServer, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text('currency: EUR\nper_hour:\n  "1234:1111": 2.50\n')

    rows = json.loads(busway(used, tmp_path, "usage", "--by", "server", "--prices", str(prices), "--json"))
    table = busway(used, tmp_path, "usage", "--prices", str(prices))
    chosen = busway(used, tmp_path, "usage", "--by", "server", "--columns", "allocated_h,server", "--sort", "-server")

    assert {row["server_name"]: float(row["cost"]) for row in rows} == {
        "one": about(1.25 * 800, 800),
        "=two": about(2.5 * 800, 800),
    }
    assert " EUR" in table and "1.5" in table
    lines = [line.split() for line in chosen.splitlines() if line.strip() and "─" not in line]
    assert lines[0] == ["ALLOCATED", "H", "SERVER"]
    assert [line[1] for line in lines[1:]] == ["one", "=two"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("per_hour: [1]", "price-list"),
        ("per_hour: {a: -1}", "price-list"),
        ("per_hour: {a: NaN}", "price-list"),
        ("perhour: {}", "price-list"),
        ("per_hour: {a: 1}", "price-missing"),
    ],
)
def test_a_price_list_that_says_too_little_is_refused(used: ApiServer, tmp_path: Path, written: str, code: str) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(written)

    assert f"[{code}]" in busway(used, tmp_path, "usage", "--prices", str(prices), code=1)


def test_csv_has_every_entry_whole_and_no_formula(used: ApiServer, tmp_path: Path) -> None:
    rows = csv.DictReader(io.StringIO(busway(used, tmp_path, "usage", "--entries", "--csv")))
    found = {row["server_name"]: row for row in rows}

    assert set(found) == {"one", "'=two"}
    assert all(row["claimed"] and row["allocated"] for row in found.values())
    assert found["one"]["freed"] and not found["'=two"]["freed"]
