"""`os-server-groups` by microversion, and the hint that puts a server into one."""

from typing import Any

import httpx
import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer

ROOT = "/compute/v2.1/os-server-groups"


def make(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post(ROOT, json={"server_group": {"name": "g", **body}})


def test_a_group_is_made_shown_and_deleted(api_server: ApiServer) -> None:
    client = api_server.client(version="2.64")
    made = make(client, policy="anti-affinity", rules={"max_server_per_host": "2"}).json()["server_group"]

    assert made["policy"] == "anti-affinity"
    assert made["rules"] == {"max_server_per_host": 2}
    assert (made["members"], "policies" in made) == ([], False)
    assert client.get(f"{ROOT}/{made['id']}").json()["server_group"] == made
    assert client.get(ROOT).json()["server_groups"] == [made]
    assert client.delete(f"{ROOT}/{made['id']}").status_code == 204
    assert client.get(f"{ROOT}/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("version", "body", "status"),
    [
        ("2.1", {"policies": ["affinity"]}, 200),
        ("2.1", {"policies": ["soft-affinity"]}, 400),
        ("2.15", {"policies": ["soft-affinity"]}, 200),
        ("2.63", {"policy": "affinity"}, 400),
        ("2.64", {"policy": "soft-anti-affinity"}, 200),
        ("2.64", {"policies": ["affinity"]}, 400),
        ("2.64", {"policy": "affinity", "rules": {"max_server_per_host": 2}}, 400),
        ("2.64", {"policy": "anti-affinity", "rules": {"max_server_per_host": 0}}, 400),
        ("2.64", {"policy": "together"}, 400),
    ],
)
def test_each_microversion_has_its_own_form(
    api_server: ApiServer, version: str, body: dict[str, Any], status: int
) -> None:
    assert make(api_server.client(version=version), **body).status_code == status


def test_an_old_client_sees_policies_and_metadata(api_server: ApiServer) -> None:
    made = make(api_server.client(), policies=["affinity"]).json()["server_group"]

    assert (made["policies"], made["metadata"]) == (["affinity"], {})
    assert "project_id" not in made
    assert "project_id" in api_server.client(version="2.13").get(f"{ROOT}/{made['id']}").json()["server_group"]


def test_the_hint_makes_a_member_and_the_server_tells_its_group(api_server: ApiServer) -> None:
    api_server.host("h1")
    image, client = api_server.image(), api_server.client(version="2.71")
    group = make(client, policy="affinity").json()["server_group"]["id"]
    server = {"name": "s", "flavorRef": "1", "imageRef": image, "networks": "none"}

    body = {"server": server, "os:scheduler_hints": {"group": group}}
    made = client.post("/compute/v2.1/servers", json=body).json()["server"]["id"]
    wrong = client.post("/compute/v2.1/servers", json={**body, "os:scheduler_hints": {"group": made}})
    place_round(api_server.control)

    assert client.get(f"/compute/v2.1/servers/{made}").json()["server"]["server_groups"] == [group]
    assert client.get(f"{ROOT}/{group}").json()["server_group"]["members"] == [made]
    assert wrong.status_code == 400
    assert wrong.headers["x-busway-error-code"] == "group-not-found"


def test_groups_are_their_project_s_own(api_server: ApiServer) -> None:
    group = make(api_server.client(version="2.64"), policy="affinity").json()["server_group"]["id"]
    ann = api_server.client(api_server.user("ann"), version="2.64")

    assert ann.get(f"{ROOT}/{group}").status_code == 404
    assert ann.get(ROOT, params={"all_projects": "True"}).json()["server_groups"] == []
    assert ann.delete(f"{ROOT}/{group}").status_code == 404
