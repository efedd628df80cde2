"""Imports: data is staged, checked and made an image's, and a task tells of it; nothing is fetched for users."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from busway.control.images.purge import purge_deleted_images
from tests.api.serving import ApiServer
from tests.api.test_images import create, files, qcow2
from tests.api.test_servers import create as create_server

IMAGES = "/image/v2/images"
DIRECT = {"method": {"name": "glance-direct"}}


def stage(client: httpx.Client, data: bytes, disk_format: str = "qcow2") -> str:
    """The URL of a new image with staged data."""
    url = f"{IMAGES}/{create(client, disk_format)}"
    assert client.put(f"{url}/stage", content=data).status_code == 204
    return url


def test_staged_data_is_nobodys_until_it_is_imported(api_server: ApiServer) -> None:
    client, data = api_server.client(), qcow2()
    url = stage(client, data)

    staged = client.get(url).json()
    assert (staged["status"], staged["checksum"], staged["os_hash_value"]) == ("uploading", None, None)
    assert client.get(f"{url}/file").status_code == 204
    assert create_server(client, url.rpartition("/")[2]).status_code == 400
    assert client.put(f"{url}/file", content=data).status_code == 409
    assert client.post(f"{url}/actions/deactivate").status_code == 403
    done = client.post(f"{url}/import", json=DIRECT)

    shown = client.get(url).json()
    assert done.status_code == 202
    assert (shown["status"], shown["virtual_size"], shown["stores"]) == ("active", 1 << 30, "file")
    assert shown["os_hash_value"] == hashlib.sha512(data).hexdigest()
    assert client.get(f"{url}/file").content == data
    [task] = client.get(f"{url}/tasks").json()["tasks"]
    assert (task["status"], task["request_id"]) == ("success", done.headers["x-openstack-request-id"])
    assert task["input"]["import_req"] == DIRECT
    assert client.post(f"{url}/import", json=DIRECT).status_code == 409


def test_data_of_another_format_is_forgotten_and_its_image_queued_again(api_server: ApiServer) -> None:
    client = api_server.client()
    url = stage(client, b"not a qcow2 file" * 10)

    assert client.post(f"{url}/import", json=DIRECT).status_code == 202

    shown = client.get(url).json()
    assert (shown["status"], shown["size"]) == ("queued", None)
    [task] = client.get(f"{url}/tasks").json()["tasks"]
    assert task["status"] == "failure" and "--disk-format raw" in task["message"]
    assert files(api_server) == [], "no quota counts it, so it takes up no room"
    assert client.put(f"{url}/stage", content=qcow2()).status_code == 204


def test_an_image_that_is_deleted_takes_its_staged_data_along(api_server: ApiServer) -> None:
    client = api_server.client()
    url = stage(client, b"data", "raw")

    client.delete(url).raise_for_status()
    purge_deleted_images(api_server.control)

    assert files(api_server) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"method": {"name": "web-download", "uri": "http://169.254.169.254/latest/meta-data"}}, 400),
        ({"method": {"name": "glance-download", "glance_region": "elsewhere"}}, 400),
        ({"method": {"name": "copy-image"}}, 400),
        ({"method": {"name": "glance-direct", "uri": "http://mirror.example/"}}, 400),
        ({**DIRECT, "stores": ["ceph"]}, 400),
        ({**DIRECT, "stores": ["file"]}, 202),
        ({**DIRECT, "all_stores": True, "all_stores_must_succeed": True}, 202),
        ({**DIRECT, "extra": 1}, 400),
    ],
)
def test_only_staged_data_is_imported_into_the_one_store(
    api_server: ApiServer, body: dict[str, Any], status: int
) -> None:
    client = api_server.client()
    url = stage(client, b"data", "raw")

    answer = client.post(f"{url}/import", json=body)

    assert answer.status_code == status, answer.text
    assert client.get(url).json()["status"] == ("active" if status == 202 else "uploading")


def test_nothing_staged_is_nothing_imported(api_server: ApiServer) -> None:
    client = api_server.client()

    assert client.post(f"{IMAGES}/{create(client)}/import", json=DIRECT).status_code == 409
    assert client.post(f"{IMAGES}/{api_server.image()}/import", json=DIRECT).status_code == 409


def test_others_stage_and_import_nothing(api_server: ApiServer) -> None:
    ann, url = api_server.client(api_server.user("ann")), stage(api_server.client(), b"data", "raw")

    assert ann.post(f"{url}/import", json=DIRECT).status_code == 404
    assert ann.put(f"{url}/stage", content=b"data").status_code == 404
    assert ann.get(f"{url}/tasks").status_code == 404


def test_admins_read_all_tasks_in_pages_and_nobody_makes_one(api_server: ApiServer) -> None:
    client, ann = api_server.client(), api_server.client(api_server.user("ann"))
    for data in (b"raw data", b"", b"more"):
        url = stage(client, data or b"x", "raw" if data else "qcow2")
        client.post(f"{url}/import", json=DIRECT).raise_for_status()
    tasks = client.get("/image/v2/tasks").json()["tasks"]

    assert [task["status"] for task in tasks] == ["success", "failure", "success"]
    page = client.get("/image/v2/tasks", params={"marker": tasks[0]["id"], "limit": "1"}).json()["tasks"]
    assert [task["id"] for task in page] == [tasks[1]["id"]]
    failed = client.get("/image/v2/tasks", params={"status": "failure"}).json()["tasks"]
    assert [task["id"] for task in failed] == [tasks[1]["id"]]
    assert client.get(f"/image/v2/tasks/{tasks[0]['id']}").json() == tasks[0]
    assert client.get("/image/v2/tasks/none").status_code == 404
    assert client.get("/image/v2/tasks", params={"status": "odd"}).status_code == 400
    assert ann.get("/image/v2/tasks").status_code == 403
    fetch = {"type": "import", "input": {"import_from": "http://127.0.0.1/", "import_from_format": "qcow2"}}
    refused = client.post("/image/v2/tasks", json=fetch)
    assert refused.status_code == 400 and "--import" in refused.text


def test_what_is_told_of_imports_is_what_there_is(api_server: ApiServer) -> None:
    client = api_server.client()

    assert client.get("/image/v2/info/import").json()["import-methods"]["value"] == ["glance-direct", "glance-download"]
    assert [store["id"] for store in client.get("/image/v2/info/stores").json()["stores"]] == ["file"]
    made = client.post(IMAGES, json={"name": "x"})
    assert made.headers["openstack-image-import-methods"] == "glance-direct,glance-download"
    assert {each["id"] for each in client.get("/image/versions").json()["versions"]} >= {"v2.12", "v2.9"}
