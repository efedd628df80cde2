"""The files that a request below 2.57 puts into a guest, what a card and a disk may be asked for, and what is refused by name."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.api.test_moves import Acting
from tests.api.test_servers import SERVERS, create

HELLO = {"path": "/etc/motd", "contents": base64.b64encode(b"hello").decode()}
BYE = {"path": "/etc/issue", "contents": base64.b64encode(b"bye").decode()}
NIC = {"uuid": "00000000-0000-4000-8000-000000000000"}


def told(api_server: ApiServer, body: dict[str, Any], version: str = "2.56") -> Any:
    """The server in its host's document."""
    host = api_server.host()
    create(api_server.client(version=version), api_server.image(), **body).raise_for_status()
    place_round(api_server.control)
    [server] = host.desired().servers
    return server


def test_the_files_of_a_request_are_on_the_config_drive(api_server: ApiServer) -> None:
    server = told(api_server, {"personality": [HELLO, BYE], "networks": "none"})

    listed = json.loads(server.config_drive.meta_data)["files"]
    assert [(each["path"], each["content_path"]) for each in listed] == [
        ("/etc/motd", "/content/0000"),
        ("/etc/issue", "/content/0001"),
    ]
    assert server.config_drive.contents == (HELLO["contents"], BYE["contents"])


def test_a_rebuild_has_its_own_files_or_none(api_server: ApiServer) -> None:
    acting = Acting(api_server)

    with_one = acting.act({"rebuild": {"imageRef": acting.image, "personality": [BYE]}}, "2.56")
    held = acting.hosts[0].desired().servers[0].config_drive.contents
    acting.settle()
    without = acting.act({"rebuild": {"imageRef": acting.image}})

    assert (with_one.status_code, without.status_code) == (202, 202)
    assert held == (BYE["contents"],)
    assert acting.hosts[0].desired().servers[0].config_drive.contents == ()


@pytest.mark.parametrize(
    ("files", "status", "word"),
    [
        ([HELLO] * 6, 403, "injected_files"),
        ([{"path": "/" + "p" * 255, "contents": ""}], 403, "injected_file_path_bytes"),
        ([{"path": "/x", "contents": base64.b64encode(b"x" * 10_241).decode()}], 403, "injected_file_content_bytes"),
        ([{"path": "/x", "contents": "no base64!"}], 400, "base64"),
        ([{"path": "/x"}], 400, "contents"),
    ],
)
def test_files_beyond_the_quota_or_of_no_form_are_refused(
    api_server: ApiServer, files: list[dict[str, str]], status: int, word: str
) -> None:
    limits = {"injected_files": 5, "injected_file_path_bytes": 255, "injected_file_content_bytes": 10_240}
    client = api_server.client(version="2.56")
    client.put("/compute/v2.1/os-quota-class-sets/x", json={"quota_class_set": limits}).raise_for_status()

    answer = create(client, api_server.image(), personality=files, networks="none")

    assert answer.status_code == status, answer.text
    assert word in answer.text


def test_a_server_without_a_config_drive_has_none_and_takes_no_files(api_server: ApiServer) -> None:
    refused = create(api_server.client(), api_server.image(), personality=[HELLO], config_drive=False)
    server = told(api_server, {"config_drive": False, "networks": "none"})

    assert refused.status_code == 400 and "config drive" in refused.text
    assert not server.has_drive


def test_a_card_has_the_tag_of_its_request(api_server: ApiServer) -> None:
    with api_server.client() as client:
        network = client.get("/network/v2.0/networks").json()["networks"][0]["id"]
    server = told(api_server, {"networks": [{"uuid": network, "tag": "fast"}]}, "2.42")

    assert [nic.tag for nic in server.nics] == ["fast"]


@pytest.mark.parametrize(("version", "status"), [("2.31", 400), ("2.37", 400)])
def test_a_card_has_no_tag_where_nova_takes_none(api_server: ApiServer, version: str, status: int) -> None:
    answer = create(api_server.client(version=version), api_server.image(), networks=[{**NIC, "tag": "fast"}])

    assert answer.status_code == status and "tag" in answer.text


@pytest.mark.parametrize(
    "more",
    [
        {"volume_size": 5},
        {"delete_on_termination": False},
        {"tag": "root"},
        {"no_device": True},
        {"device_name": "/dev/vdb"},
    ],
)
def test_what_a_disk_of_an_image_can_not_be_is_refused_by_name(api_server: ApiServer, more: dict[str, Any]) -> None:
    image = api_server.image()
    disk = {"uuid": image, "source_type": "image", "destination_type": "local", "boot_index": 0, **more}

    answer = create(api_server.client(), image, block_device_mapping_v2=[disk])

    assert answer.status_code == 501 and next(iter(more)) in answer.text


def test_a_hint_that_no_filter_reads_is_refused(api_server: ApiServer) -> None:
    server = {"name": "s", "flavorRef": "1", "imageRef": api_server.image(), "networks": "none"}
    with api_server.client(version="2.100") as client:
        query = client.post(SERVERS, json={"server": server, "os:scheduler_hints": {"query": '["=", "$host", "a"]'}})
        own = client.post(SERVERS, json={"server": server, "os:scheduler_hints": {"rack": "7"}})

    assert (query.status_code, own.status_code) == (501, 501)
    assert "rack" in own.text


@pytest.mark.parametrize(
    ("body", "version", "status", "word"),
    [
        (
            {"os-migrateLive": {"host": "host2", "block_migration": True, "disk_over_commit": True}},
            "2.24",
            501,
            "whole",
        ),
        ({"os-migrateLive": {"host": "host2", "block_migration": "auto", "force": True}}, "2.67", 501, "fits"),
        ({"os-migrateLive": {"host": None, "block_migration": "auto", "force": True}}, "2.67", 400, "force"),
        ({"evacuate": {"host": "host2", "force": "true"}}, "2.67", 501, "fits"),
        ({"evacuate": {"force": True}}, "2.30", 400, "force"),
    ],
)
def test_a_move_past_the_scheduler_is_refused(
    api_server: ApiServer, body: dict[str, Any], version: str, status: int, word: str
) -> None:
    acting = Acting(api_server, hosts=2)

    answer = acting.act(body, version)

    assert answer.status_code == status, answer.text
    assert word in answer.text
    assert acting.status() == ("ACTIVE", "active")
