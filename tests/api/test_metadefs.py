"""Metadata definitions: namespaces and what is in them, those that come with Busway, who sees and who changes them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from busway.domain.guest_machine.words import SERVED
from tests.api.serving import ApiServer

ROOT = "/image/v2/metadefs/namespaces"
ROW = {"title": "Row", "type": "integer", "minimum": 1}


def create(client: httpx.Client, name: str = "Lab::Racks", **fields: Any) -> httpx.Response:
    return client.post(ROOT, json={"namespace": name, "visibility": "public", **fields})


def names(client: httpx.Client, **query: str) -> list[str]:
    answer = client.get(ROOT, params=query)
    answer.raise_for_status()
    return [each["namespace"] for each in answer.json()["namespaces"]]


def test_a_namespace_is_created_with_all_its_parts_shown_changed_and_deleted(api_server: ApiServer) -> None:
    client = api_server.client()

    made = create(
        client,
        display_name="Racks",
        resource_type_associations=[{"name": "OS::Nova::Aggregate", "prefix": "rack_"}],
        properties={"row": ROW},
        objects=[{"name": "place", "required": ["row"], "properties": {"row": ROW}}],
        tags=[{"name": "old"}],
    )

    assert made.status_code == 201, made.text
    shown = client.get(f"{ROOT}/Lab::Racks").json()
    assert (shown["display_name"], shown["protected"], shown["properties"]) == ("Racks", False, {"row": ROW})
    assert [each["name"] for each in shown["objects"]] == ["place"]
    assert [each["name"] for each in shown["tags"]] == ["old"]
    assert shown["resource_type_associations"][0]["prefix"] == "rack_"
    prefixed = client.get(f"{ROOT}/Lab::Racks", params={"resource_type": "OS::Nova::Aggregate"}).json()
    assert set(prefixed["properties"]) == {"rack_row"}
    renamed = client.put(f"{ROOT}/Lab::Racks", json={"namespace": "Lab::Rows", "description": "d"}).json()
    assert (renamed["namespace"], renamed["visibility"]) == ("Lab::Rows", "private")
    assert client.get(f"{ROOT}/Lab::Rows").json()["properties"] == {"row": ROW}
    assert client.delete(f"{ROOT}/Lab::Rows").status_code == 204
    assert client.get(f"{ROOT}/Lab::Rows").status_code == 404


def test_parts_are_added_changed_renamed_and_deleted(api_server: ApiServer) -> None:
    client = api_server.client()
    create(client).raise_for_status()
    one = f"{ROOT}/Lab::Racks"

    assert client.post(f"{one}/properties", json={"name": "row", **ROW}).status_code == 201
    assert client.post(f"{one}/properties", json={"name": "row", **ROW}).status_code == 409
    changed = client.put(f"{one}/properties/row", json={"name": "line", "title": "Line", "type": "string"})
    assert changed.json() == {"name": "line", "title": "Line", "type": "string"}
    assert client.get(f"{one}/properties/row").status_code == 404
    assert client.get(f"{one}/properties").json()["properties"]["line"]["title"] == "Line"
    made = client.post(f"{one}/objects", json={"name": "place", "properties": {"row": ROW}}).json()
    moved = client.put(f"{one}/objects/place", json={"name": "site", "description": "d"}).json()
    assert (moved["name"], moved["properties"], moved["created_at"]) == ("site", {}, made["created_at"])
    assert client.post(f"{one}/tags", json={"tags": [{"name": "a"}, {"name": "b"}]}).status_code == 201
    assert client.post(f"{one}/tags/c").status_code == 201
    append = {"X-Openstack-Append": "True"}
    assert client.post(f"{one}/tags", json={"tags": [{"name": "d"}]}, headers=append).status_code == 201
    tags = client.get(f"{one}/tags", params={"limit": "2", "marker": "a"}).json()["tags"]
    assert [each["name"] for each in tags] == ["b", "c"]
    client.post(f"{one}/tags", json={"tags": [{"name": "z"}]}).raise_for_status()
    assert [each["name"] for each in client.get(f"{one}/tags").json()["tags"]] == ["z"]
    assert client.put(f"{one}/tags/z", json={"name": "y"}).json()["name"] == "y"
    for kind in ("properties", "objects", "tags"):
        assert client.delete(f"{one}/{kind}").status_code == 204
        assert not client.get(f"{one}/{kind}").json()[kind]


def test_types_of_resources_are_associated(api_server: ApiServer) -> None:
    client = api_server.client()
    create(client).raise_for_status()
    url = f"{ROOT}/Lab::Racks/resource_types"
    types = {each["name"] for each in client.get("/image/v2/metadefs/resource_types").json()["resource_types"]}

    assert {"OS::Glance::Image", "OS::Nova::Flavor"} <= types
    assert client.post(url, json={"name": "OS::Nova::Server", "prefix": "x_"}).status_code == 201
    assert names(client, resource_types="OS::Nova::Server") == ["Lab::Racks"]
    assert [each["name"] for each in client.get(url).json()["resource_type_associations"]] == ["OS::Nova::Server"]
    assert client.delete(f"{url}/OS::Nova::Server").status_code == 204
    assert client.delete(f"{url}/OS::Nova::Server").status_code == 404


def test_what_comes_with_busway_has_every_word_that_is_served_and_stays(api_server: ApiServer) -> None:
    client = api_server.client()

    flavors = client.get(f"{ROOT}/OS::Compute::Machine").json()["properties"]
    images = client.get(f"{ROOT}/OS::Compute::MachineImage").json()["properties"]
    gpus = client.get(f"{ROOT}/OS::Compute::GPU").json()["properties"]

    assert set(flavors) == {word.flavor for word in SERVED if word.flavor}
    assert set(images) == {word.image for word in SERVED if word.image}
    assert images["hw_firmware_type"]["enum"] == ["bios", "uefi"]
    assert {"pci_passthrough:alias", "resources:VGPU", "busway:driver"} <= set(gpus)
    assert client.delete(f"{ROOT}/OS::Compute::GPU").status_code == 403
    assert client.post(f"{ROOT}/OS::Compute::GPU/tags/x").status_code == 403
    assert create(client, "OS::Compute::GPU").status_code == 409


def test_nothing_of_a_protected_namespace_is_deleted(api_server: ApiServer) -> None:
    client = api_server.client()
    create(client, protected=True, properties={"row": ROW}).raise_for_status()
    one = f"{ROOT}/Lab::Racks"

    assert [client.delete(path).status_code for path in (one, f"{one}/properties/row", f"{one}/properties")] == [
        403
    ] * 3
    client.put(one, json={"namespace": "Lab::Racks", "protected": False}).raise_for_status()
    assert client.delete(one).status_code == 204


def test_others_read_public_namespaces_only_and_change_none(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    create(admin).raise_for_status()
    create(admin, "Lab::Secret", visibility="private").raise_for_status()

    assert "Lab::Racks" in names(ann) and "Lab::Secret" not in names(ann)
    assert names(admin, visibility="private") == ["Lab::Secret"]
    assert ann.get(f"{ROOT}/Lab::Secret").status_code == 404
    assert ann.delete(f"{ROOT}/Lab::Racks").status_code == 403
    assert create(ann, "Mine").status_code == 403
    assert ann.post(f"{ROOT}/Lab::Racks/tags/x").status_code == 403


def test_lists_go_in_pages_and_in_order(api_server: ApiServer) -> None:
    client = api_server.client()
    for name in ("B", "A", "C"):
        create(client, name).raise_for_status()

    assert names(client)[:3] == ["C", "A", "B"]
    assert names(client, sort_key="namespace", sort_dir="asc")[:2] == ["A", "B"]
    page = client.get(ROOT, params={"limit": "2", "sort_key": "namespace", "sort_dir": "asc"}).json()
    assert page["next"].partition("?")[2] == "limit=2&sort_key=namespace&sort_dir=asc&marker=B"
    assert names(client, marker="B", sort_key="namespace", sort_dir="asc")[0] == "C"
    assert client.get(ROOT, params={"marker": "none"}).status_code == 400
    assert client.get(ROOT, params={"sort_key": "colour"}).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"namespace": "x" * 81},
        {"visibility": "shared"},
        {"properties": {"row": {"title": "Row", "type": "decimal"}}},
        {"properties": {"row": {"title": "Row", "type": "string", "colour": "red"}}},
        {"tags": [{"name": ""}]},
    ],
)
def test_what_is_no_definition_is_refused(api_server: ApiServer, wrong: dict[str, Any]) -> None:
    assert create(api_server.client(), **{"name": wrong.pop("namespace", "N"), **wrong}).status_code == 400


def test_the_size_of_a_namespace_is_bounded(api_server: ApiServer) -> None:
    client = api_server.client()
    create(client).raise_for_status()
    tags = [{"name": f"t{number}"} for number in range(512)]
    client.post(f"{ROOT}/Lab::Racks/tags", json={"tags": tags}).raise_for_status()

    assert client.post(f"{ROOT}/Lab::Racks/tags/more").status_code == 413


@pytest.mark.parametrize(
    ("path", "name"), [("namespace", "namespace"), ("resource_types", "resource_type_associations"), ("tag", "tag")]
)
def test_their_schemas_are_told(api_server: ApiServer, path: str, name: str) -> None:
    assert api_server.client().get(f"/image/v2/schemas/metadefs/{path}").json()["name"] == name
