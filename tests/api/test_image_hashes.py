"""The secure hash of images: the operator's, however the data came, and for ever that with which it was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from busway.control.identity.bearer import authenticate
from busway.control.images.import_run import run_imports
from busway.control.images.upload import begin_upload
from busway.domain.image_conversion import ImageConversion
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_image_imports import DIRECT, stage
from tests.api.test_images import IMAGES, create


@pytest.fixture
def api_server(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """A control plane that hashes images with BLAKE2 and makes all imported ones qcow2."""
    server = start_api_server(
        tmp_path, api_template, hashing_algorithm="blake2b", conversion=ImageConversion("qcow2", every=True)
    )
    yield server
    server.stop()


def upload(client: httpx.Client, data: bytes) -> str:
    url = f"{IMAGES}/{create(client, 'raw')}"
    client.put(f"{url}/file", content=data).raise_for_status()
    return url


def secure_hash(client: httpx.Client, url: str) -> tuple[str | None, str | None]:
    shown = client.get(url).json()
    return shown["os_hash_algo"], shown["os_hash_value"]


def test_uploaded_and_converted_data_is_hashed_as_the_operator_says(api_server: ApiServer) -> None:
    client, data = api_server.client(), bytes(1 << 20)
    uploaded, imported = upload(client, data), stage(client, data, "raw")
    client.post(f"{imported}/import", json=DIRECT).raise_for_status()
    run_imports(api_server.control)

    assert client.get(imported).json()["disk_format"] == "qcow2"
    for url in (uploaded, imported):
        stored = client.get(f"{url}/file").content
        assert secure_hash(client, url) == ("blake2b", hashlib.blake2b(stored).hexdigest())


def test_staged_data_has_no_hash_that_anybody_sees(api_server: ApiServer) -> None:
    client, data = api_server.client(), b"staged"
    url = stage(client, data, "raw")

    assert secure_hash(client, url) == (None, None)
    for value in (hashlib.blake2b(data).hexdigest(), "neq:x"):
        found = client.get(IMAGES, params={"os_hash_value": value}).json()["images"]
        assert [each["id"] for each in found if each["os_hash_value"]] == []
    assert client.get(IMAGES, params={"checksum": hashlib.md5(data).hexdigest()}).json()["images"] == []


def test_an_image_keeps_its_hash_when_the_operator_chooses_another(api_server: ApiServer, tmp_path: Path) -> None:
    client, data = api_server.client(), b"of before"
    before = upload(client, data)
    control, admin = api_server.control, authenticate(api_server.control, api_server.admin)
    changed = replace(control, settings=replace(control.settings, hashing_algorithm="sha3_256"))
    image = create(client, "raw")

    sent = begin_upload(changed, admin, image, None)
    sent.write(data)
    sent.finish()

    after = f"{IMAGES}/{image}"

    assert secure_hash(client, before) == ("blake2b", hashlib.blake2b(data).hexdigest())
    assert secure_hash(client, after) == ("sha3_256", hashlib.sha3_256(data).hexdigest())
    assert client.get(f"{before}/file").content == client.get(f"{after}/file").content == data


@pytest.mark.parametrize("field", ["checksum", "os_hash_algo", "os_hash_value"])
def test_lists_are_filtered_by_hashes(api_server: ApiServer, field: str) -> None:
    client = api_server.client()
    image = client.get(upload(client, b"one")).json()
    client.get(upload(client, b"two")).raise_for_status()

    found = client.get(IMAGES, params={field: image[field]}).json()["images"]
    others = client.get(IMAGES, params={field: f"neq:{image[field]}"}).json()["images"]

    assert image["id"] in [each["id"] for each in found]
    assert {each[field] for each in found} == {image[field]}
    assert image[field] not in {each[field] for each in others}
