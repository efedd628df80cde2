"""What the query of a request that is no list says is done, or refused with its reason."""

from __future__ import annotations

import re
from typing import Any

import httpx

from busway.api import openapi
from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.api.test_keypairs import PUBLIC
from tests.api.test_servers import create

KEYS = "/compute/v2.1/os-keypairs"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.headers.get("x-busway-error-code", "")


def test_a_change_refuses_a_parameter_that_it_does_not_know(api_server: ApiServer) -> None:
    client = api_server.client(version="2.90")
    client.headers["OpenStack-API-Version"] = "compute 2.90, placement 1.39"
    changes = [each for table in openapi.SERVICES.values() for each in table if each.method not in ("GET", "HEAD")]

    for each in changes:
        version = {"OpenStack-API-Version": f"compute 2.{min(each.until, 90)}, placement 1.{min(each.until, 39)}"}
        path = re.sub(r"{[^}]*}", "x", each.path)
        answer = client.request(each.method, path, params={"cascade": "true"}, json=None, headers=version)
        assert (each.method, path, *code_of(answer)) == (each.method, path, 400, "unknown-query"), answer.text
    assert len(changes) > 200


def test_nothing_is_done_of_a_change_that_is_refused_for_its_query(api_server: ApiServer) -> None:
    client = api_server.client()
    project = client.get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    path, of_user = f"/compute/v2.1/os-quota-sets/{project}", {"user_name": "someone"}
    client.put(path, json={"quota_set": {"cores": 7}}).raise_for_status()

    refused = [
        client.put(path, json={"quota_set": {"cores": 9}}, params=of_user),
        client.delete(path, params=of_user),
    ]

    assert [code_of(each) for each in refused] == [(400, "unknown-query")] * 2
    assert "user_name" in refused[0].text
    assert client.get(path).json()["quota_set"]["cores"] == 7


def test_whoever_has_no_right_hears_nothing_of_parameters(api_server: ApiServer) -> None:
    member = api_server.client(api_server.user("ann"))

    assert member.delete("/compute/v2.1/flavors/1", params={"cascade": "true"}).status_code == 403
    assert httpx.delete(f"{api_server.url}/compute/v2.1/flavors/1?cascade=true").status_code == 401


def test_a_key_of_another_user_is_shown_and_deleted_by_the_query(api_server: ApiServer) -> None:
    admin, ann = api_server.client(version="2.10"), api_server.client(api_server.user("ann"), version="2.10")
    ann.post(KEYS, json={"keypair": {"name": "hers", "public_key": PUBLIC}}).raise_for_status()
    user = {"user_id": admin.get("/identity/v3/users", params={"name": "ann"}).json()["users"][0]["id"]}

    assert (admin.get(f"{KEYS}/hers").status_code, admin.get(f"{KEYS}/hers", params=user).status_code) == (404, 200)
    assert admin.delete(f"{KEYS}/hers", params=user).status_code == 204
    assert ann.get(f"{KEYS}/hers").status_code == 404


def test_hypervisors_are_shown_with_their_servers_where_these_are_asked_for(api_server: ApiServer) -> None:
    full, _empty = api_server.host("host1"), api_server.host("host2")
    create(api_server.client(version="2.74"), api_server.image(), host="host1", networks="none").raise_for_status()
    place_round(api_server.control)

    def servers(version: str, path: str = "", **query: str) -> list[Any]:
        client = api_server.client(version=version)
        found = client.get(f"/compute/v2.1/os-hypervisors{path}", params=query).raise_for_status().json()
        rows = found["hypervisors"] if "hypervisors" in found else [found["hypervisor"]]
        return [[each["name"] for each in row["servers"]] if "servers" in row else None for row in rows]

    name = ["instance-00000001"]
    for path in ("", "/detail"):
        assert servers("2.53", path, with_servers="true") == [name, None]
        assert servers("2.75", path, with_servers="true") == [name, []]
        assert servers("2.75", path) == servers("2.52", path, with_servers="true") == [None, None]
    assert servers("2.53", f"/{full.id}", with_servers="true") == [name]
    assert servers("2.53", f"/{full.id}") == [None]


def test_a_property_is_shown_with_the_prefix_of_a_type_of_resource(api_server: ApiServer) -> None:
    client, root = api_server.client(), "/image/v2/metadefs/namespaces"
    space = {
        "namespace": "Own",
        "properties": {"slice": {"title": "Slice", "type": "string"}},
        "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}],
    }
    client.post(root, json=space).raise_for_status()
    there = {"resource_type": "OS::Nova::Flavor"}

    assert client.get(f"{root}/Own/properties/hw:slice", params=there).json()["name"] == "hw:slice"
    assert client.get(f"{root}/Own/properties/slice", params=there).status_code == 404
    assert client.get(f"{root}/Own/properties/slice", params={"resource_type": "OS::Other"}).status_code == 404
    assert client.get(f"{root}/Own/properties/slice").json()["name"] == "slice"


def test_fields_of_one_thing_are_those_that_are_asked_for(api_server: ApiServer) -> None:
    client = api_server.client()
    network = client.get("/network/v2.0/networks").json()["networks"][0]

    found = client.get(f"/network/v2.0/networks/{network['id']}", params={"fields": ["id", "mtu"]}).json()

    assert found == {"network": {"id": network["id"], "mtu": network["mtu"]}}
