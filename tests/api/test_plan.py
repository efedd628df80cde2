import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.serving import PASSWORD, ApiServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpu_server(api_server: ApiServer) -> ApiServer:
    client = api_server.client()
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    client.post("/compute/v2.1/flavors/2/os-extra_specs", json=specs).raise_for_status()
    api_server.host(count=2)
    return api_server


def command(server: ApiServer, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    auth = {"auth_url": f"{server.url}/identity", "username": "admin", "password": PASSWORD, "project_name": "admin"}
    path = folder / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": {"busway": {"auth": auth}}}))
    program = [sys.executable, "-c", "from busway.cli.plan import plan; plan()", "--clouds", str(path), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=False)


def asked(server: ApiServer, **params: Any) -> dict[str, Any]:
    answer = server.client().get("/busway/v1/plan", params=params)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()["plan"]
    return found


def test_the_api_says_where_servers_would_land(gpu_server: ApiServer) -> None:
    found = asked(gpu_server, flavor="m1.small", count=2)

    assert [each["host"] for each in found["servers"]] == ["host1", "host1"]
    assert found["refusal"] is None


def test_the_api_says_why_they_would_not(gpu_server: ApiServer) -> None:
    refusal = asked(gpu_server, flavor="2", count=3)["refusal"]

    assert refusal["code"] == "no-valid-host"
    assert refusal["devices"] == {"goes to another of these servers": 2}
    assert refusal["remedies"][0] == "ask for 2 servers at once"
    assert refusal["remedies"][1].startswith("add a host with 1 of alias a1")


def test_a_plan_needs_a_flavor_and_a_good_count(gpu_server: ApiServer) -> None:
    client = gpu_server.client()

    assert client.get("/busway/v1/plan").json()["error"]["code"] == "flavor-missing"
    assert client.get("/busway/v1/plan", params={"flavor": "2", "count": 0}).status_code == 400


def test_the_command_shows_places_and_ends_with_0(gpu_server: ApiServer, tmp_path: Path) -> None:
    done = command(gpu_server, tmp_path, "--flavor", "m1.small")

    assert done.returncode == 0
    assert "One of m1.small would land now" in done.stdout
    assert "host1" in done.stdout and "0000:41:00.0" in done.stdout


def test_the_command_shows_the_refusal_and_ends_with_1(gpu_server: ApiServer, tmp_path: Path) -> None:
    done = command(gpu_server, tmp_path, "--flavor", "m1.small", "--count", "3")

    assert done.returncode == 1
    assert "ask for 2 servers at once" in done.stdout
    assert "hosts: PciPassthroughFilter" in done.stdout


@pytest.mark.thorough
def test_the_command_takes_an_image_by_its_name(gpu_server: ApiServer, tmp_path: Path) -> None:
    gpu_server.image("debian")

    found = command(gpu_server, tmp_path, "--flavor", "m1.small", "--image", "debian")
    unknown = command(gpu_server, tmp_path, "--flavor", "m1.small", "--image", "debain")

    assert found.returncode == 0, found.stderr
    assert "debian" in unknown.stderr, "the nearest name"


def test_the_command_prints_json_for_programs(gpu_server: ApiServer, tmp_path: Path) -> None:
    done = command(gpu_server, tmp_path, "--flavor", "m1.small", "--json")

    assert json.loads(done.stdout)["servers"][0]["host"] == "host1"


def test_a_tenant_hears_of_no_host_and_no_address(gpu_server: ApiServer) -> None:
    token = gpu_server.user("ann")
    client = gpu_server.client(token)

    landed = client.get("/busway/v1/plan", params={"flavor": "2"}).text
    refused = client.get("/busway/v1/plan", params={"flavor": "2", "count": 3}).text

    assert "alias a1" in landed and "no-valid-host" in refused
    for text in (landed, refused):
        assert "host1" not in text and "0000:" not in text
