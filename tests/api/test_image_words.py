"""Properties of images that make another guest in OpenStack: each does so here, or servers of the image are refused."""

from __future__ import annotations

import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.api.test_images import IMAGES
from tests.api.test_images import create as image_of
from tests.api.test_servers import create

SIGNED = {
    "img_signature": "c2lnbmVk",
    "img_signature_hash_method": "SHA-256",
    "img_signature_key_type": "RSA-PSS",
    "img_signature_certificate_uuid": "9b2cf0fc-1a9b-4e85-a2e6-2ea2b3b8ba63",
}


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("kernel_id", "e7db3b45-8db7-47ad-8109-3fb55c2c24fd", "own kernel"),
        ("ramdisk_id", "e7db3b45-8db7-47ad-8109-3fb55c2c24fd", "own kernel"),
        ("os_command_line", "console=ttyS1", "command line"),
        ("trait:CUSTOM_GPU", "maybe", "required or forbidden"),
    ],
)
def test_what_no_guest_would_be_is_refused_when_it_is_to_boot(
    api_server: ApiServer, name: str, value: str, word: str
) -> None:
    answer = create(api_server.client(), api_server.image(**{name: value}))

    assert (answer.status_code, answer.headers.get("x-busway-error-code")) == (400, "image-boot")
    assert word in answer.text


def test_a_property_without_a_value_is_none(api_server: ApiServer) -> None:
    assert create(api_server.client(), api_server.image(kernel_id="", ramdisk_id="")).status_code == 202


@pytest.mark.parametrize(("word", "has_drive"), [("mandatory", True), ("optional", False)])
def test_an_image_that_needs_a_config_drive_has_one(api_server: ApiServer, word: str, has_drive: bool) -> None:
    host, client = api_server.host(), api_server.client()

    made = create(client, api_server.image(img_config_drive=word), config_drive=False).json()["server"]["id"]
    place_round(api_server.control)

    [server] = host.desired().servers
    assert server.has_drive is has_drive
    assert client.get(f"/compute/v2.1/servers/{made}").json()["server"]["config_drive"] == ("True" if has_drive else "")


@pytest.mark.parametrize("place", ["file", "stage"])
def test_signed_data_is_refused_because_nothing_would_verify_it(api_server: ApiServer, place: str) -> None:
    client = api_server.client()
    signed, half = image_of(client, "raw", **SIGNED), image_of(client, "raw", img_signature="c2lnbmVk")

    answer = client.put(f"{IMAGES}/{signed}/{place}", content=b"data")

    assert (answer.status_code, answer.headers.get("x-busway-error-code")) == (400, "image-boot")
    assert client.put(f"{IMAGES}/{half}/{place}", content=b"data").status_code == 204
