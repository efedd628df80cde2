"""Images where there is no room: on the disk, within a project's quota, or in a count."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.control.identity.bearer import authenticate
from busway.control.images.upload import DiskImageUpload, begin_stage, begin_upload
from busway.domain.errors import TooLarge
from busway.domain.ids import ImageId, ProjectId
from busway.domain.image import Image, ImageStatus
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_images import IMAGES, create, files

MIB = 1024**2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder for images on a disk of 8 MiB of its own."""
    folder = tmp_path / "images"
    folder.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "busway-test", folder], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_all_else_goes_on(small_disk: Path, api_template: Path, tmp_path: Path) -> None:
    server = start_api_server(tmp_path, api_template)
    try:
        client = server.client()
        image = create(client, "raw")

        unannounced = client.put(f"{IMAGES}/{image}/file", content=(b"x" * MIB for _ in range(20)))
        announced = client.put(f"{IMAGES}/{image}/file", content=b"x" * 20 * MIB)

        assert (unannounced.status_code, unannounced.headers["x-busway-error-code"]) == (507, "image-store-full")
        assert announced.status_code == 507
        assert files(server) == []
        assert client.get(f"{IMAGES}/{image}").json()["status"] == "queued"
        assert client.post("/compute/v2.1/os-keypairs", json={"keypair": {"name": "k"}}).status_code == 200
        assert client.put(f"{IMAGES}/{image}/file", content=b"x" * MIB).status_code == 204
    finally:
        server.stop()


def test_a_reserve_of_the_disk_is_for_all_but_images(api_template: Path, tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free // MIB
    server = start_api_server(tmp_path, api_template, image_disk_reserve_mb=free + 1024)
    try:
        client = server.client()

        answer = client.put(f"{IMAGES}/{create(client, 'raw')}/file", content=b"x")

        assert (answer.status_code, "are kept for" in answer.text) == (507, True)
    finally:
        server.stop()


def test_a_project_stays_within_its_image_storage(api_server: ApiServer) -> None:
    client = api_server.client()
    _limit(api_server, image_size_total=2)
    first, second = create(client, "raw"), create(client, "raw")
    client.put(f"{IMAGES}/{first}/file", content=b"x" * MIB).raise_for_status()

    announced = client.put(f"{IMAGES}/{second}/file", content=b"x" * (MIB + 1))
    unannounced = client.put(f"{IMAGES}/{second}/file", content=(b"x" * MIB for _ in range(2)))

    assert (announced.status_code, announced.headers["x-busway-error-code"]) == (413, "image-quota")
    assert unannounced.status_code == 413
    assert client.put(f"{IMAGES}/{second}/file", content=b"x" * MIB).status_code == 204
    assert len(files(api_server)) == 1


def test_an_upload_over_the_quota_ends_in_its_midst(api_server: ApiServer) -> None:
    client, caller = api_server.client(), authenticate(api_server.control, api_server.admin)
    _limit(api_server, image_size_total=2)
    client.put(f"{IMAGES}/{create(client, 'raw')}/file", content=b"x" * MIB).raise_for_status()

    for begin in (begin_upload, begin_stage):
        upload = begin(api_server.control, caller, create(client, "raw"), None)
        upload.write(b"x" * MIB)
        with pytest.raises(TooLarge, match="room for 1048576 bytes"):
            upload.write(b"x")
        upload.abort()

    assert len(files(api_server)) == 1


def test_staged_data_counts_as_an_images_does(api_server: ApiServer) -> None:
    client = api_server.client()
    _limit(api_server, image_size_total=1)
    first, second = create(client, "raw"), create(client, "raw")
    client.put(f"{IMAGES}/{first}/stage", content=b"x" * MIB).raise_for_status()

    assert client.put(f"{IMAGES}/{second}/stage", content=b"x").status_code == 413
    assert client.put(f"{IMAGES}/{second}/file", content=b"x").status_code == 413
    assert client.post(f"{IMAGES}/{first}/import", json={"method": {"name": "glance-direct"}}).status_code == 202


def test_a_servers_image_stays_within_the_quota_and_a_disk_on_its_way_has_none(api_server: ApiServer) -> None:
    control, now = api_server.control, api_server.control.now()
    _limit(api_server, image_size_total=1)
    snapshot = Image(
        ImageId("snapshot"),
        "s",
        ImageStatus.QUEUED,
        ProjectId("p"),
        now,
        now,
        disk_format="raw",
        container_format="bare",
    )

    kept = DiskImageUpload(control, snapshot, None)
    kept.write(b"x" * MIB)
    with pytest.raises(TooLarge, match="image storage quota"):
        kept.write(b"x")
    kept.abort()
    moved = DiskImageUpload(control, replace(snapshot, deleted=now), None)
    moved.write(b"x" * 3 * MIB)
    moved.abort()


def test_a_project_has_no_more_images_than_its_quota(api_server: ApiServer) -> None:
    client = api_server.client()
    _limit(api_server, image_count_total=1)
    create(client)

    answer = client.post(IMAGES, json={"name": "two"})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (413, "over-quota")


def test_a_project_has_no_more_uploads_at_one_time_than_its_quota(api_server: ApiServer) -> None:
    client = api_server.client()
    _limit(api_server, image_count_uploading=0)

    answer = client.put(f"{IMAGES}/{create(client, 'raw')}/file", content=b"x")

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (413, "over-quota")


def test_staged_data_counts_as_uploading_until_it_is_imported(api_server: ApiServer) -> None:
    client = api_server.client()
    _limit(api_server, image_count_uploading=1)
    first, second = create(client, "raw"), create(client, "raw")

    staged = client.put(f"{IMAGES}/{first}/stage", content=b"x")
    others = [client.put(f"{IMAGES}/{second}/{end}", content=b"x").status_code for end in ("stage", "file")]
    imported = client.post(f"{IMAGES}/{first}/import", json={"method": {"name": "glance-direct"}})
    after = client.put(f"{IMAGES}/{second}/file", content=b"x")

    assert (staged.status_code, others, imported.status_code, after.status_code) == (204, [413, 413], 202, 204)


def test_staged_data_has_a_quota_of_its_own(api_server: ApiServer) -> None:
    client = api_server.client()
    _limit(api_server, image_stage_total=1)
    first, second = create(client, "raw"), create(client, "raw")

    staged = client.put(f"{IMAGES}/{first}/stage", content=b"x" * MIB)
    over = client.put(f"{IMAGES}/{second}/stage", content=b"x")
    stored = client.put(f"{IMAGES}/{second}/file", content=b"x")

    assert (staged.status_code, over.status_code, stored.status_code) == (204, 413, 204)


@pytest.mark.parametrize(
    "fields",
    [
        {f"p{number}": "v" for number in range(129)},
        {"n" * 256: "v"},
        {f"p{number}": "v" * 20_000 for number in range(4)},
        {"tags": [f"t{number}" for number in range(129)]},
        {"tags": ["t" * 256]},
        {"name": "n" * 256},
    ],
    ids=["properties", "name of a property", "properties together", "tags", "tag", "name"],
)
def test_an_image_has_no_more_than_glance_lets_it_have(api_server: ApiServer, fields: dict[str, object]) -> None:
    client = api_server.client()
    image = create(client)

    made = client.post(IMAGES, json={"name": "n", **fields})
    patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in fields.items()]
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    changed = client.patch(f"{IMAGES}/{image}", json=patch, headers=headers)

    assert made.status_code in (400, 413)
    assert changed.status_code in (400, 413)


def _limit(server: ApiServer, **limits: int) -> None:
    answer = server.client().put("/busway/v1/quota-defaults", json={"limits": limits})
    answer.raise_for_status()


def test_the_usage_of_a_project_is_told_with_its_limits(api_server: ApiServer) -> None:
    client, ann = api_server.client(), api_server.client(api_server.user("ann"))
    _limit(api_server, image_count_total=7)
    for size in (MIB, MIB + 1):
        image = create(client, "raw")
        client.put(f"{IMAGES}/{image}/file", content=bytes(size)).raise_for_status()
    client.put(f"{IMAGES}/{create(client, 'raw')}/stage", content=b"data").raise_for_status()

    told = client.get("/image/v2/info/usage").json()["usage"]

    assert told["image_count_total"] == {"usage": 3, "limit": 7}
    assert told["image_size_total"]["usage"] == 3  # MiB, with the staged data, rounded up
    assert told["image_stage_total"]["usage"] == 1
    assert told["image_count_uploading"] == {"usage": 1, "limit": -1}
    own = client.get("/busway/v1/quota").json()["quota"]["used"]
    assert {name: own[name] for name in told} == {name: each["usage"] for name, each in told.items()}
    assert {each["usage"] for each in ann.get("/image/v2/info/usage").json()["usage"].values()} == {0}
