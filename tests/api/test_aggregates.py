"""`os-aggregates` and the availability zones that come of them."""

from typing import Any

import httpx
import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer

ROOT = "/compute/v2.1/os-aggregates"


def make(client: httpx.Client, name: str = "racks", **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.post(ROOT, json={"aggregate": {"name": name, **body}}).json()["aggregate"]
    return made


def act(client: httpx.Client, number: int, action: str, **given: Any) -> httpx.Response:
    return client.post(f"{ROOT}/{number}/action", json={action: given})


def test_an_aggregate_lives_from_create_to_delete(api_server: ApiServer) -> None:
    api_server.host("h1")
    client = api_server.client(version="2.41")
    made = make(client, availability_zone="east")

    assert (made["name"], made["availability_zone"], made["deleted"]) == ("racks", "east", False)
    assert "hosts" not in made
    assert len(made["uuid"]) == 36
    assert act(client, made["id"], "add_host", host="h1").json()["aggregate"]["hosts"] == ["h1"]
    changed = act(client, made["id"], "set_metadata", metadata={"gpu": "h100"}).json()["aggregate"]
    assert changed["metadata"] == {"availability_zone": "east", "gpu": "h100"}
    assert act(client, made["id"], "set_metadata", metadata={"gpu": None}).json()["aggregate"]["metadata"] == {
        "availability_zone": "east"
    }
    renamed = client.put(f"{ROOT}/{made['id']}", json={"aggregate": {"name": "rows", "availability_zone": "west"}})
    assert renamed.json()["aggregate"]["availability_zone"] == "west"
    assert client.delete(f"{ROOT}/{made['id']}").status_code == 400
    assert act(client, made["id"], "remove_host", host="h1").json()["aggregate"]["hosts"] == []
    assert client.delete(f"{ROOT}/{made['id']}").status_code == 200
    assert client.get(ROOT).json() == {"aggregates": []}


def test_the_uuid_is_there_from_its_microversion_on(api_server: ApiServer) -> None:
    assert "uuid" not in make(api_server.client(version="2.40"))


@pytest.mark.parametrize("body", [{"shrink": {}}, {"add_host": {}}, {}, {"add_host": {"host": "a"}, "remove_host": {}}])
def test_an_action_that_is_none_is_refused(api_server: ApiServer, body: dict[str, Any]) -> None:
    client = api_server.client()
    assert client.post(f"{ROOT}/{make(client)['id']}/action", json=body).status_code == 400


def test_only_admins_see_aggregates_and_everybody_the_zones(api_server: ApiServer) -> None:
    api_server.host("h1")
    client = api_server.client()
    act(client, make(client, availability_zone="east")["id"], "add_host", host="h1")
    ann = api_server.client(api_server.user("ann"))

    assert ann.get(ROOT).status_code == 403
    zones = ann.get("/compute/v2.1/os-availability-zone").json()["availabilityZoneInfo"]
    assert zones == [{"zoneName": "east", "zoneState": {"available": True}, "hosts": None}]
    [detail] = client.get("/compute/v2.1/os-availability-zone/detail").json()["availabilityZoneInfo"]
    assert detail["hosts"]["h1"]["nova-compute"]["available"] is True
    assert client.get("/compute/v2.1/os-services").json()["services"][0]["zone"] == "east"


def test_a_server_says_in_which_zone_it_is_and_which_it_asked_for(api_server: ApiServer) -> None:
    api_server.host("h1")
    client, image = api_server.client(version="2.96"), api_server.image()
    act(client, make(client, availability_zone="east")["id"], "add_host", host="h1")
    server = {"name": "s", "flavorRef": "1", "imageRef": image, "networks": "none", "availability_zone": "east"}

    made = client.post("/compute/v2.1/servers", json={"server": server}).json()["server"]["id"]
    wrong = client.post("/compute/v2.1/servers", json={"server": {**server, "availability_zone": "mars"}})
    place_round(api_server.control)

    shown = client.get(f"/compute/v2.1/servers/{made}").json()["server"]
    assert (shown["OS-EXT-AZ:availability_zone"], shown["pinned_availability_zone"]) == ("east", "east")
    assert wrong.status_code == 400
    assert "There is no zone mars; there are east" in wrong.json()["badRequest"]["message"]


def test_metadata_of_nova_s_that_can_t_be_is_refused_and_what_it_says_is_placed_by(api_server: ApiServer) -> None:
    api_server.host("h1")
    client, image = api_server.client(), api_server.image()
    number = make(client)["id"]
    act(client, number, "add_host", host="h1")

    refused = act(client, number, "set_metadata", metadata={"cpu_allocation_ratio": "many"})
    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (400, "aggregate-metadata")
    assert "a number above 0" in refused.json()["badRequest"]["message"]
    own = api_server.client().get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    assert act(client, number, "set_metadata", metadata={"filter_tenant_id": own}).status_code == 200

    ann = api_server.client(api_server.user("ann"), version="2.96")
    server = {"name": "s", "flavorRef": "1", "imageRef": image, "networks": "none"}
    made = ann.post("/compute/v2.1/servers", json={"server": server}).json()["server"]["id"]
    place_round(api_server.control)
    fault = ann.get(f"/compute/v2.1/servers/{made}").json()["server"]["fault"]
    assert "AggregateMultiTenancyIsolation excluded 1" in fault["message"]
    assert own not in str(fault)
