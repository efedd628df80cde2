import hashlib
import json
import socket
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from busway.control.images.purge import purge_deleted_images
from busway.domain.ids import ImageId, ServerId
from busway.store import disk_uploads
from busway.store.disk_uploads import DiskUpload, UploadPurpose
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_servers import create as create_server

IMAGES = "/image/v2/images"
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


def qcow2(*, version: int = 3, backing: int = 0, incompatible: int = 0, size: int = 1 << 30) -> bytes:
    head = struct.pack(">4sIQIIQ", b"QFI\xfb", version, backing, 0, 16, size)
    return head.ljust(72, b"\0") + struct.pack(">Q", incompatible) + bytes(200)


def create(client: httpx.Client, disk_format: str | None = "qcow2", **fields: object) -> str:
    body = {"name": "new1", "disk_format": disk_format, "container_format": "bare", **fields}
    answer = client.post(IMAGES, json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])


def files(server: ApiServer) -> list[Path]:
    return [path for path in (server.control.state / "images").rglob("*") if path.is_file()]


def test_an_upload_is_stored_under_its_sha256_and_comes_back(api_server: ApiServer) -> None:
    client = api_server.client()
    data = qcow2()
    image = create(client)

    uploaded = client.put(f"{IMAGES}/{image}/file", content=data)

    shown = client.get(f"{IMAGES}/{image}").json()
    assert uploaded.status_code == 204
    assert (shown["status"], shown["size"], shown["virtual_size"]) == ("active", len(data), 1 << 30)
    assert shown["checksum"] == hashlib.md5(data).hexdigest()
    assert shown["os_hash_value"] == hashlib.sha512(data).hexdigest()
    assert [path.name for path in files(api_server)] == [hashlib.sha256(data).hexdigest()]
    assert client.get(f"{IMAGES}/{image}/file").content == data


def test_a_chunked_upload_needs_no_length(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw")

    client.put(f"{IMAGES}/{image}/file", content=(b"x" * 70000 for _ in range(40))).raise_for_status()

    assert client.get(f"{IMAGES}/{image}").json()["size"] == 2_800_000


def test_a_truncated_upload_leaves_the_image_queued_and_no_file(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw")
    target = urlsplit(api_server.url)
    head = (
        f"PUT {IMAGES}/{image}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {api_server.admin}\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 5000000\r\n\r\n"
    )

    with socket.create_connection((str(target.hostname), int(target.port or 0))) as connection:
        connection.sendall(head.encode() + b"x" * 2_000_000)
        _until(lambda: len(files(api_server)) == 1, "the upload did not begin")
    _until(lambda: files(api_server) == [], "the temporary file stayed")

    assert client.get(f"{IMAGES}/{image}").json()["status"] == "queued"
    assert client.put(f"{IMAGES}/{image}/file", content=b"whole").status_code == 204


def _until(holds: object, why: str) -> None:
    deadline = time.monotonic() + 10
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, why
        time.sleep(0.01)


def test_an_empty_upload_is_refused(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw")

    answer = client.put(f"{IMAGES}/{image}/file", content=b"")

    assert answer.status_code == 400 and "is empty" in answer.text
    assert client.get(f"{IMAGES}/{image}").json()["status"] == "queued"


@pytest.mark.parametrize(
    ("disk_format", "data", "word"),
    [
        ("qcow2", b"not a qcow2 file" * 10, "--disk-format raw"),
        ("qcow2", b"QFI\xfb", "at least 72"),
        ("raw", qcow2(), "--disk-format qcow2"),
        ("qcow2", qcow2(backing=4096), "backing file"),
        ("qcow2", qcow2(incompatible=4), "external data file"),
    ],
)
def test_data_of_another_format_is_refused_with_a_remedy(
    api_server: ApiServer, disk_format: str, data: bytes, word: str
) -> None:
    client = api_server.client()
    image = create(client, disk_format)

    answer = client.put(f"{IMAGES}/{image}/file", content=data)

    assert answer.status_code == 400 and word in answer.text
    assert client.get(f"{IMAGES}/{image}").json()["status"] == "queued"
    assert files(api_server) == []


def test_an_image_without_a_format_takes_no_data(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, None)

    answer = client.put(f"{IMAGES}/{image}/file", content=b"data")

    assert answer.status_code == 400 and "disk_format" in answer.text


def test_data_never_changes(api_server: ApiServer) -> None:
    image = api_server.image()

    assert api_server.client().put(f"{IMAGES}/{image}/file", content=b"other").status_code == 409


def test_an_unknown_format_is_refused_with_a_remedy(api_server: ApiServer) -> None:
    answer = api_server.client().post(IMAGES, json={"name": "x", "disk_format": "ploop", "container_format": "bare"})

    assert answer.status_code == 400 and "qemu-img convert" in answer.text


def test_lists_are_filtered_as_clients_filter(api_server: ApiServer) -> None:
    one, two = api_server.image("one"), api_server.image("two", visibility="private")
    client = api_server.client()

    def names(**query: str) -> set[str]:
        return {image["name"] for image in client.get(IMAGES, params=query).json()["images"]}

    assert names(name="one") == {"one"}
    assert names(id=f"in:{one},{two}") == {"one", "two"}
    assert names(name="neq:one") == {"two"}
    assert names(visibility="private") == {"two"}
    assert names(status="queued") == set()
    assert names(limit="1", sort="name:asc") == {"one"}


def test_the_private_image_of_another_project_does_not_exist(api_server: ApiServer) -> None:
    image = api_server.image(visibility="private")
    ann = api_server.client(api_server.user("ann"))

    assert ann.get(f"{IMAGES}/{image}").status_code == 404
    assert ann.get(f"{IMAGES}/{image}/file").status_code == 404
    assert ann.get(IMAGES).json()["images"] == []


def test_a_public_image_of_another_project_may_not_be_changed(api_server: ApiServer) -> None:
    image = api_server.image()
    ann = api_server.client(api_server.user("ann"))

    assert ann.delete(f"{IMAGES}/{image}").status_code == 403
    assert ann.post(IMAGES, json={"name": "x", "visibility": "public"}).status_code == 403


def test_a_patch_changes_adds_and_removes(api_server: ApiServer) -> None:
    client, image = api_server.client(), api_server.image()

    def patch(*operations: object) -> httpx.Response:
        return client.patch(f"{IMAGES}/{image}", json=operations, headers=PATCH)

    changed = patch({"op": "replace", "path": "/name", "value": "n"}, {"op": "add", "path": "/colour", "value": "red"})

    assert (changed.json()["name"], changed.json()["colour"]) == ("n", "red")
    assert "colour" not in patch({"op": "remove", "path": "/colour"}).json()
    assert patch({"op": "remove", "path": "/colour"}).status_code == 409
    assert patch({"op": "replace", "path": "/status", "value": "x"}).status_code == 403
    assert patch({"op": "move", "path": "/name"}).status_code == 400


def test_a_protected_image_is_not_deleted(api_server: ApiServer) -> None:
    client, image = api_server.client(), api_server.image(protected=True)

    assert client.delete(f"{IMAGES}/{image}").status_code == 403


def test_deleted_data_stays_while_a_server_needs_it(api_server: ApiServer) -> None:
    client, image = api_server.client(), ImageId(api_server.image())
    host = api_server.host("h1")

    assert client.delete(f"{IMAGES}/{image}").status_code == 204
    assert client.get(f"{IMAGES}/{image}").status_code == 404
    with api_server.control.db.write() as tx:
        disk_uploads.add_upload(tx, DiskUpload(image, ServerId("s"), host.id, UploadPurpose.SHELVE))
    purge_deleted_images(api_server.control)
    assert len(files(api_server)) == 1
    with api_server.control.db.write() as tx:
        disk_uploads.end_upload(tx, image)
    purge_deleted_images(api_server.control)
    assert files(api_server) == []


def test_data_that_another_image_shares_stays(api_server: ApiServer) -> None:
    client = api_server.client()
    for name in ("a", "b"):
        image = create(client, "raw", name=name)
        client.put(f"{IMAGES}/{image}/file", content=b"same").raise_for_status()
    client.delete(f"{IMAGES}/{image}").raise_for_status()

    purge_deleted_images(api_server.control)

    assert len(files(api_server)) == 1


def test_an_upload_over_the_limit_is_refused(api_template: Path, tmp_path: Path) -> None:
    server = start_api_server(tmp_path, api_template, max_image_bytes=1000)
    try:
        client = server.client()
        image = create(client, "raw")
        assert client.put(f"{IMAGES}/{image}/file", content=b"x" * 1001).status_code == 413
        assert client.put(f"{IMAGES}/{image}/file", content=(b"x" * 600 for _ in range(2))).status_code == 413
        assert client.put(f"{IMAGES}/{image}/file", content=b"x" * 1000).status_code == 204
    finally:
        server.stop()


def test_a_deactivated_image_is_read_by_admins_only_and_not_booted(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    user = api_server.client(api_server.user("someone"))
    url = f"/image/v2/images/{image}"

    assert user.post(f"{url}/actions/deactivate").status_code == 403
    assert admin.post(f"{url}/actions/deactivate").status_code == 204
    assert admin.get(url).json()["status"] == "deactivated"
    assert (user.get(f"{url}/file").status_code, admin.get(f"{url}/file").status_code) == (403, 200)
    refused = create_server(user, image)
    assert refused.status_code == 400 and "deactivated" in refused.text
    assert admin.post(f"{url}/actions/reactivate").status_code == 204
    assert user.get(f"{url}/file").status_code == 200
    assert create_server(user, image).status_code == 202


def test_an_image_without_data_is_not_deactivated(api_server: ApiServer) -> None:
    admin = api_server.client()
    body = {"name": "empty", "disk_format": "raw", "container_format": "bare"}
    image = admin.post("/image/v2/images", json=body).json()["id"]

    assert admin.post(f"/image/v2/images/{image}/actions/deactivate").status_code == 403


def test_the_older_form_of_a_patch_is_read_too(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    headers = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
    url = f"/image/v2/images/{image}"

    def patch(*operations: dict[str, object]) -> int:
        return admin.patch(url, content=json.dumps(operations), headers=headers).status_code

    assert patch({"replace": "/name", "value": "renamed"}, {"add": "/colour", "value": "red"}) == 200
    assert (admin.get(url).json()["name"], admin.get(url).json()["colour"]) == ("renamed", "red")
    assert patch({"remove": "/colour"}) == 200
    assert "colour" not in admin.get(url).json()
    assert patch({"swap": "/name", "value": "x"}) == 400


@pytest.mark.parametrize(
    "operation", [{"op": "add", "path": "/tags/-", "value": "new"}, {"add": "/tags/-", "value": "new"}]
)
def test_a_patch_of_a_part_of_an_attribute_is_refused(api_server: ApiServer, operation: dict[str, str]) -> None:
    client, image = api_server.client(), api_server.image()
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}

    refused = client.patch(f"/image/v2/images/{image}", json=[operation], headers=kind)
    named = client.patch(f"/image/v2/images/{image}", json=[{"op": "add", "path": "/a~1b", "value": "c"}], headers=kind)

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (400, "image-patch")
    assert "/tags/TAG" in refused.text
    assert named.json()["a/b"] == "c"
    assert "tags/-" not in named.json()
