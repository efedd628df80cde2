"""What other image services have and this one refuses: each with its reason, and for who may see the image only."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import ApiServer
from tests.api.test_images import IMAGES, PATCH, create

_LOCATION = {"url": "http://169.254.169.254/latest/meta-data"}


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/locations", {}),
        ("POST", "/locations", {"json": {**_LOCATION, "validation_data": {"os_hash_algo": "sha512"}}}),
        ("PATCH", "", {"json": [{"op": "add", "path": "/locations/-", "value": _LOCATION}], "headers": PATCH}),
        ("PATCH", "", {"json": [{"op": "replace", "path": "/locations", "value": []}], "headers": PATCH}),
    ],
)
def test_locations_are_refused_to_who_may_see_the_image(
    api_server: ApiServer, method: str, path: str, more: dict[str, Any]
) -> None:
    client, stranger = api_server.client(), api_server.client(api_server.user("ann"))
    url = f"{IMAGES}/{create(client, visibility='private')}{path}"

    refused = client.request(method, url, **more)

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (403, "image-locations")
    assert "web-download" in refused.text
    assert stranger.request(method, url, **more).status_code == 404


@pytest.mark.parametrize("path", ["cache", "cache/36d4b546-64a2-4bb9-bdd0-ba676aa48f2c", "cached_images"])
def test_there_is_no_cache_and_the_refusal_says_why(api_server: ApiServer, path: str) -> None:
    refused = api_server.client().get(f"/image/v2/{path}")

    assert refused.status_code == 404 and "nothing to queue or clear" in refused.text


def test_versions_are_those_whose_operations_are_there(api_server: ApiServer) -> None:
    told = [each["id"] for each in api_server.client().get("/image/versions").json()["versions"]]

    assert told[:4] == ["v2.15", "v2.13", "v2.12", "v2.10"]


def test_the_schemas_of_tasks_name_what_a_task_has(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw")
    client.put(f"{IMAGES}/{image}/stage", content=b"data").raise_for_status()
    client.post(f"{IMAGES}/{image}/import", json={"method": {"name": "glance-direct"}}).raise_for_status()

    one, page = (client.get(f"/image/v2/schemas/{name}").json()["properties"] for name in ("task", "tasks"))

    tasks = client.get("/image/v2/tasks").json()
    assert set(tasks["tasks"][0]) == set(one)
    assert set(tasks) <= set(page) and page["tasks"]["items"]["properties"] == one
