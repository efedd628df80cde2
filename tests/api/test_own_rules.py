"""Aliases and device specs over HTTP, and the commands that change them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from busway.cli.main import main
from busway.control.identity.directory import clouds_yaml
from busway.control.observation.conditions import put_conditions
from busway.control.placement.place import place_round
from busway.domain.condition import CardMode, CardModes, Conditions
from tests.api.serving import PASSWORD, ApiServer
from tests.api.test_servers import create
from tests.control.clouds import SPEC, gpu

T4 = {"name": "t4", "vendor_id": "10de", "product_id": "1eb8"}


def test_an_alias_is_made_changed_and_deleted(api_server: ApiServer) -> None:
    client = api_server.client()

    made = client.post("/busway/v1/aliases", json={"definitions": [T4]})
    version = made.json()["alias"]["version"]
    body = {"definitions": [json.dumps(T4 | {"device_type": "type-PF"})], "version": version}
    changed = client.patch("/busway/v1/aliases/t4", json=body)
    stale = client.patch("/busway/v1/aliases/t4", json=body)
    story = client.get("/busway/v1/aliases/t4").json()["alias"]
    gone = client.delete("/busway/v1/aliases/t4", params={"version": changed.json()["alias"]["version"]})

    assert (made.status_code, changed.status_code, gone.status_code) == (201, 200, 200)
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "rule-stale")
    assert [each["act"] for each in story["history"]] == ["created", "changed"]
    assert [each["name"] for each in client.get("/busway/v1/aliases").json()["aliases"]] == ["a1"]


def test_an_alias_with_a_slash_in_its_name_can_be_reached(api_server: ApiServer) -> None:
    client = api_server.client()
    client.post("/busway/v1/aliases", json={"definitions": [T4 | {"name": "gpu/t4"}]}).raise_for_status()

    assert client.get("/busway/v1/aliases/gpu%2Ft4").json()["alias"]["aliases"][0]["name"] == "gpu/t4"
    assert client.delete("/busway/v1/aliases/gpu%2Ft4", params={"version": 1}).status_code == 200


def test_a_device_spec_is_made_moved_and_deleted(api_server: ApiServer) -> None:
    client, url = api_server.client(), "/busway/v1/device-specs"
    first = client.post(url, json={"definition": {"vendor_id": "10de"}}).json()["device_spec"]
    second = client.post(url, json={"definition": [{"vendor_id": "1002"}], "before": first["id"]}).json()["device_spec"]

    moved = client.patch(f"{url}/{second['id']}", json={"before": "last", "version": second["version"]}).json()
    listed = client.get(url).json()["device_specs"]
    gone = client.delete(f"{url}/{first['id']}", params={"version": first["version"]})

    assert moved["device_spec"]["order"] == 2
    assert [each["id"] for each in listed] == [first["id"], second["id"], "file-1"]
    assert gone.json()["device_spec"] is None
    assert client.get(f"{url}/{first['id']}").json()["device_spec"]["history"][-1]["act"] == "deleted"


def test_what_a_file_would_be_told_the_api_tells(api_server: ApiServer) -> None:
    client = api_server.client()

    bad = client.post("/busway/v1/aliases", json={"definitions": [T4 | {"device_type": "type-GPU"}]})
    twice = client.post("/busway/v1/aliases", json={"definitions": ['{"name": "x", ' + json.dumps(T4)[1:]]})
    broad = client.post("/busway/v1/device-specs", json={"definition": {}})

    assert (bad.status_code, bad.json()["error"]["code"]) == (400, "invalid-alias")
    assert "type-PCI, type-PF, type-VF" in bad.json()["error"]["brief"]
    assert "repeated-key" in [each["code"] for each in twice.json()["warnings"]]
    assert "device-spec-matches-all" in [each["code"] for each in broad.json()["warnings"]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "aliases", {"definitions": []}),
        ("POST", "aliases", {"definitions": [1]}),
        ("POST", "aliases", {"definitions": [T4], "name": "x"}),
        ("PATCH", "aliases/t4", {"definitions": [T4], "version": "new"}),
        ("POST", "device-specs", {"definition": None}),
        ("PATCH", "device-specs/x", {"before": ""}),
    ],
)
def test_a_body_of_another_shape_is_refused(
    api_server: ApiServer, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = api_server.client().request(method, f"/busway/v1/{path}", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid-body")


def test_only_admins_see_and_change_rules(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))

    assert ann.get("/busway/v1/aliases").status_code == 403
    assert ann.post("/busway/v1/device-specs", json={"definition": {}}).status_code == 403


@pytest.fixture
def run(api_server: ApiServer, tmp_path: Path) -> Any:
    """Runs a command of `busway` to its end and returns what it printed."""
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(clouds_yaml(api_server.url, PASSWORD))

    def command(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, [*arguments, "--clouds", str(clouds)])
        assert done.exit_code == code, done.output
        return done.output

    return command


def test_the_commands_hand_a_kind_of_device_out(api_server: ApiServer, run: Any) -> None:
    api_server.host()

    made = run("device-spec", "create", '{"vendor_id": "1234", "managed": "no"}')
    spec = made.split()[2]
    named = run("alias", "create", '{"name": "b1", "vendor_id": "1234", "product_id": "1111"}')
    listed, aliases = run("device-spec", "list"), run("alias", "list")

    assert "offers 1 device from now on (order 1, version 1)" in made and "device-spec-shadowed" in made
    assert "Alias b1 (1234:1111) counts from now on" in named
    assert spec in listed and "file-1" in listed and SPEC in listed
    assert "b1 (1234:1111)" in aliases and "file" in aliases and "run time" in aliases


def test_the_commands_change_and_delete(run: Any) -> None:
    spec = run("device-spec", "create", '{"vendor_id": "10de"}').split()[2]
    run("device-spec", "create", '{"vendor_id": "1002"}')
    run("alias", "create", json.dumps(T4))

    moved = run("device-spec", "change", spec, "--last")
    changed = run("alias", "change", "t4", json.dumps(T4 | {"device_type": "type-PF"}))
    story, of_spec = run("alias", "show", "t4"), run("device-spec", "show", spec)
    gone = run("alias", "delete", "t4"), run("device-spec", "delete", spec)

    assert "(order 2, version 4)" in moved
    assert "t4 (10de:1eb8 type-PF)" in changed
    assert "created" in story and "changed" in story and "moved" in of_spec
    assert gone == ("Alias t4 is deleted.\n", f"Device spec {spec} is deleted.\n")
    assert "is deleted" in run("device-spec", "show", spec)


def test_a_command_that_names_an_older_version_is_refused(run: Any) -> None:
    run("alias", "create", json.dumps(T4))
    run("alias", "change", "t4", json.dumps(T4))

    told = run("alias", "delete", "t4", "--version", "1", code=1)

    assert "has been changed" in told and "[rule-stale]" in told


def test_the_commands_print_json(run: Any) -> None:
    made = json.loads(run("alias", "create", json.dumps(T4), "--json"))
    spec = json.loads(run("device-spec", "create", "{}", "--json"))

    assert made["alias"]["name"] == "t4" and spec["warnings"][0]["code"] == "device-spec-matches-all"
    assert json.loads(run("alias", "list", "--json"))["aliases"][1]["version"] == 1
    assert json.loads(run("alias", "show", "t4", "--json"))["history"][0]["act"] == "created"
    assert json.loads(run("device-spec", "list", "--json"))["device_specs"][0]["definition"] == "{}"
    assert json.loads(run("device-spec", "show", "file-1", "--json"))["device_spec"]["source"] == "file"


def test_the_list_of_devices_says_which_one_leaves_when_it_is_given_back(api_server: ApiServer, run: Any) -> None:
    host = api_server.host()
    host.inventory = (gpu(0, product_id="2222"),)
    host.report()
    spec = run("device-spec", "create", '{"product_id": "2222"}').split()[2]
    run("alias", "create", '{"name": "b1", "vendor_id": "1234", "product_id": "2222"}')
    specs = {"extra_specs": {"pci_passthrough:alias": "b1:1"}}
    api_server.client().post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()
    create(api_server.client(), api_server.image())
    place_round(api_server.control)

    run("device-spec", "delete", spec)
    listed = run("device", "list")

    assert "claimed, then leaves" in listed and "s1" in listed
    assert "it leaves when its server gives it back" in run("device", "show", f"host1:{gpu(0).address}")
    assert "server s1" in run("alias", "delete", "b1", code=1)


def test_a_device_is_shown_with_the_ways_to_give_its_card(api_server: ApiServer, run: Any) -> None:
    host = api_server.host()
    ways = (CardMode("whole", serves=True, why="1 function"), CardMode("vendor vGPU", serves=False, why="no files"))
    put_conditions(api_server.control, host.id, Conditions("host1", modes=(CardModes(str(gpu(0).address), ways),)))

    shown = run("device", "show", f"host1:{gpu(0).address}")

    assert "Ways to give it to guests\n    yes  whole: 1 function\n    no   vendor vGPU: no files\n" in shown


def test_a_deleted_rule_of_run_time_leaves_the_files(run: Any) -> None:
    run("alias", "create", '{"name": "a1", "vendor_id": "1234", "product_id": "2222"}')

    assert "the file's counts again: a1 (1234:1111)" in run("alias", "delete", "a1")
    assert "comes from the configuration file" in run("alias", "delete", "a1", code=1)
