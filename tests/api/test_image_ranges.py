"""Parts of an image's data: one range a request, by `Range`, or by `Content-Range` as old clients of Glance do."""

from __future__ import annotations

import hashlib

import pytest

from tests.api.serving import ApiServer
from tests.api.test_images import IMAGES, create

DATA = bytes(range(256)) * 4


@pytest.fixture
def url(api_server: ApiServer) -> str:
    client = api_server.client()
    url = f"{IMAGES}/{create(client, 'raw')}/file"
    client.put(url, content=DATA).raise_for_status()
    return url


@pytest.mark.parametrize(
    ("header", "text", "first", "last"),
    [
        ("Range", "bytes=0-0", 0, 0),
        ("Range", "bytes=10-99", 10, 99),
        ("Range", "bytes=1000-", 1000, 1023),
        ("Range", "bytes=1000-99999", 1000, 1023),
        ("Range", "bytes=-24", 1000, 1023),
        ("Range", "bytes=-99999", 0, 1023),
        ("Content-Range", "bytes 10-99/*", 10, 99),
        ("Content-Range", "bytes 10-99/1024", 10, 99),
    ],
)
def test_a_range_is_read_alone(api_server: ApiServer, url: str, header: str, text: str, first: int, last: int) -> None:
    answer = api_server.client().get(url, headers={header: text})

    assert (answer.status_code, answer.content) == (206, DATA[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/1024"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert "content-md5" not in answer.headers


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Range", "bytes=1024-"),
        ("Range", "bytes=-0"),
        ("Range", "bytes=9-5"),
        ("Range", "bytes=-"),
        ("Range", "lines=1-2"),
        ("Range", "bytes=x-y"),
        ("Content-Range", "bytes 1-1024/*"),
        ("Content-Range", "bytes 9-5/*"),
        ("Content-Range", "bytes */1024"),
    ],
)
def test_a_range_that_is_not_there_is_416(api_server: ApiServer, url: str, header: str, text: str) -> None:
    answer = api_server.client().get(url, headers={header: text})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (416, "image-range")
    assert answer.headers["content-range"] == "bytes */1024"
    assert DATA not in answer.content


def test_several_ranges_take_several_requests(api_server: ApiServer, url: str) -> None:
    answer = api_server.client().get(url, headers={"Range": "bytes=0-1,5-6"})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "image-ranges")


def test_the_whole_comes_with_its_checksum_and_says_that_it_has_parts(api_server: ApiServer, url: str) -> None:
    answer = api_server.client().get(url)

    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-md5"] == hashlib.md5(DATA).hexdigest()
    assert answer.headers["accept-ranges"] == "bytes"
