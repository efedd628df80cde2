"""What one tenant puts into servers does not make their host's document too large to be read."""

from __future__ import annotations

import base64
import json

import httpx

from busway.api.bounds import BODY_BYTES
from busway.control.placement.place import place_round
from busway.wire.documents import encode
from tests.api.serving import ApiServer

SERVERS = "/compute/v2.1/servers"
KIB = 1024


def test_a_server_takes_at_most_256_kib_of_its_hosts_document(api_server: ApiServer) -> None:
    host = api_server.host()
    client = api_server.client(version="2.90")
    metadata = {f"{number:03}" + "k" * 250: '"\\' * 100 for number in range(100)}
    user_data = base64.b64encode(b"u" * 20_000).decode()
    body = {"name": "s", "imageRef": api_server.image(), "flavorRef": "1", "networks": "none"}
    body |= {"metadata": metadata, "user_data": user_data}  # type: ignore[dict-item]

    answer = client.post(SERVERS, json={"server": body})
    place_round(api_server.control)

    assert answer.status_code == 202, answer.text
    assert len(encode(host.desired())) < 256 * KIB


def test_texts_that_their_host_could_not_be_told_are_refused_wherever_they_are_written(api_server: ApiServer) -> None:
    client = api_server.client(version="2.90")
    body = {"name": "s", "imageRef": api_server.image(), "flavorRef": "1", "networks": "none"}
    server = client.post(SERVERS, json={"server": body}).json()["server"]["id"]
    halves = [{f"{half}{number}": "\U0001f600" * 255 for number in range(32)} for half in "ab"]
    raw = [json.dumps({"metadata": half}, ensure_ascii=False).encode() for half in halves]

    answers = [
        client.post(f"{SERVERS}/{server}/metadata", content=content, headers={"Content-Type": "application/json"})
        for content in raw
    ]
    kept = client.get(f"{SERVERS}/{server}/metadata").json()["metadata"]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert "too large together" in answers[1].json()["badRequest"]["message"]
    assert kept == halves[0]


def test_four_thousand_items_of_metadata_for_a_hundred_servers_are_refused(api_server: ApiServer) -> None:
    metadata = {f"key{number}": "v" * 255 for number in range(4000)}
    answers = [_create(api_server, metadata), _create(api_server, dict(list(metadata.items())[:129]))]

    assert [answer.status_code for answer in answers] == [413, 400]
    assert int(answers[0].request.headers["content-length"]) > BODY_BYTES


def _create(api_server: ApiServer, metadata: dict[str, str]) -> httpx.Response:
    body = {"name": "s", "imageRef": "i", "flavorRef": "1", "metadata": metadata, "max_count": 100}
    return api_server.client().post(SERVERS, json={"server": body})
