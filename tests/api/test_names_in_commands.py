"""Commands of `busway` that filter by names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from busway.cli.main import main
from busway.control.identity.directory import clouds_yaml
from busway.control.placement.place import place_round
from tests.api.serving import PASSWORD, ApiServer

Run = Callable[..., Any]


@pytest.fixture
def run(api_server: ApiServer, tmp_path: Path) -> Run:
    """Runs `busway ...` to its end; what it printed, or the lines of JSON of a list."""
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(clouds_yaml(api_server.url, PASSWORD))

    def command(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, [*arguments, "--clouds", str(clouds)])
        assert done.exit_code == code, done.output
        return done.output

    return command


@pytest.fixture
def servers(api_server: ApiServer) -> list[str]:
    """The ids of two servers of ann and ben, each with a GPU of the one host."""
    client = api_server.client()
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    client.post("/compute/v2.1/flavors/2/os-extra_specs", json=specs).raise_for_status()
    api_server.host(count=2)
    made = []
    for name in ("ann", "ben"):
        body = {"name": f"of-{name}", "imageRef": api_server.image(), "flavorRef": "2"}
        answer = api_server.client(api_server.user(name)).post("/compute/v2.1/servers", json={"server": body})
        made.append(str(answer.json()["server"]["id"]))
    place_round(api_server.control)
    return made


def test_events_are_those_of_a_server_or_a_device_by_name(run: Run, servers: list[str]) -> None:
    def of(*filters: str) -> list[dict[str, Any]]:
        return list(json.loads(run("event", "list", "--json", *filters)))

    named, by_id = of("--server", "of-ann"), of("--server", servers[0])
    device = next(each for each in json.loads(run("device", "list", "--json")) if each["status"] == "claimed")

    assert named == by_id
    assert {each["server_id"] for each in named} == {servers[0]}
    address = f"{device['host']}:{device['address']}"
    assert of("--device", address) == of("--device", device["id"]) != of()
    assert of("--server", "00000000-0000-4000-8000-000000000000") == []  # one that was deleted
    assert "There is no server 'of-ana'" in run("event", "list", "--server", "of-ana", code=1)
    assert run("event", "list", "--device", "9999:00:00.0", code=1)


@pytest.mark.parametrize("option", ["--user", "--project"])
def test_records_are_those_of_a_user_or_a_project_by_name(run: Run, servers: list[str], option: str) -> None:
    rows = json.loads(run("audit", "list", "--json", option, "ann"))
    lines = run("audit", "export", option, "ann").splitlines()

    assert {each["user_name"] for each in rows} == {"ann"}
    assert {json.loads(line)["user_name"] for line in lines} == {"ann"}
    assert "'anna'" in run("audit", "list", option, "anna", code=1)
