"""What would make a parser, a database or a number of Python's fail is refused in the way of every request."""

from __future__ import annotations

import json
import string
import time
from collections.abc import Iterator

import pytest

from busway.api import compute, identity, image, network, own, placement
from busway.api.bounds import BODY_BYTES, MOST_DEEP, QUERY_BYTES, QUERY_VALUES, check_values, read_json
from busway.api.operation import Operation
from busway.domain.errors import BadInput
from tests.api.serving import ApiServer

OPERATIONS: list[Operation] = [
    each for api in (compute, identity, image, network, own, placement) for each in api.OPERATIONS
]
NO_VALUES = {
    "a deep nest": b"[" * 5000 + b"]" * 5000,
    "a nest over the bound": b'{"a":' * (MOST_DEEP + 1) + b"1" + b"}" * (MOST_DEEP + 1),
    "a number of 5,000 digits": b'{"server": ' + b"9" * 5000 + b"}",
    "a number of 65 bits": b'{"server": {"name": "n", "flavorRef": 18446744073709551616}}',
    "a number beyond floats": b'{"server": 1e999}',
    "a NUL in a text": rb'{"server": {"name": "a\u0000b"}}',
    "a NUL in a key": rb'{"ser\u0000ver": {}}',
    "half a surrogate pair": rb'{"server": {"name": "\ud800"}}',
    "no UTF-8": b'{"server": "\xff"}',
    "not a number": b'{"server": NaN}',
}


@pytest.mark.parametrize("body", NO_VALUES.values(), ids=NO_VALUES.keys())
def test_no_operation_takes_a_body_of_values_that_nothing_can_keep(api_server: ApiServer, body: bytes) -> None:
    client = api_server.client()

    answers = {
        f"{each.method} {each.path}": client.request(each.method, _filled(each.path, "x"), content=body).status_code
        for each in OPERATIONS
        if each.body is not None or each.reads_body
    }

    assert {name: status for name, status in answers.items() if status not in (400, 404)} == {}
    assert len(answers) > 30


@pytest.mark.parametrize("word", ["a%00b", "%00", "x" * 300, "9" * 5000, "%ff%fe", "²", "٣", "-1", "9" * 12])
def test_no_path_makes_an_operation_fail(api_server: ApiServer, word: str) -> None:
    client = api_server.client()
    paths = [each for each in OPERATIONS if "{" in each.path and each.method == "GET"]

    answers = {each.path: client.get(_filled(each.path, word)).status_code for each in paths}

    assert {path: status for path, status in answers.items() if status >= 500} == {}


@pytest.mark.parametrize("word", ["a%00b", "9" * 500, "9" * 12, "²", "٣", "%ff", "(a+)%2B$", "(", "-1", "in:a,%22", ""])
def test_no_value_of_a_filter_makes_a_list_fail(api_server: ApiServer, word: str) -> None:
    client = api_server.client()
    names = "name limit marker sort_key sort_dir sort status id size_min size_max min_ram user_id count server flavor"
    lists = [each.path for each in OPERATIONS if each.method == "GET" and "{" not in each.path]

    query = "&".join(f"{name}={word}" for name in names.split())
    answers = {path: client.get(f"{path}?{query}").status_code for path in lists}
    answers |= {f"{path}?one": client.get(f"{path}?name={word}&limit=1").status_code for path in lists}

    assert {path: status for path, status in answers.items() if status >= 500} == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/image/v2/images?", "a=%d&"),
        ("/image/v2/images?a=in:", "%d,"),
        ("/image/v2/images?", "tag=a%d&"),
        ("/image/v2/images?", "name=a%d&"),
        ("/image/v2/images?", "sort_key=id&"),
        ("/identity/v3/projects?tags=", "a%d,"),
        ("/identity/v3/projects?not-tags=", "a%d,"),
        ("/identity/v3/projects?not-tags-any=", "a%d,"),
        ("/compute/v2.1/servers?tags=", "a%d,"),
        ("/compute/v2.1/servers?not-tags-any=", "a%d,"),
        ("/network/v2.0/ports?", "name=a%d&"),
        ("/network/v2.0/networks?tags-any=", "a%d,"),
        ("/network/v2.0/security-group-rules?", "normalized_cidr=fd00::%d/128&"),
    ],
)
def test_a_query_of_many_values_is_answered_or_refused(api_server: ApiServer, path: str, value: str) -> None:
    """As many as may be make no statement that a database can't take, and one more is refused."""
    values = [value % n if "%d" in value else value for n in range(QUERY_VALUES + 1)]
    client = api_server.client(version="2.90")

    assert client.get(path + "".join(values[1:])[:-1]).status_code in (200, 400)
    assert client.get(path + "".join(values)[:-1]).status_code == 413


def test_a_query_and_a_body_have_a_bound_that_is_told(api_server: ApiServer) -> None:
    client = api_server.client()

    long_query = client.get("/compute/v2.1/servers", params={"name": "a" * (QUERY_BYTES + 1)})
    long_body = client.post("/compute/v2.1/servers", content=b" " * (BODY_BYTES + 1))

    assert (long_query.status_code, long_query.headers["x-busway-error-code"]) == (413, "query-too-long")
    assert (long_body.status_code, str(BODY_BYTES) in long_body.text) == (413, True)


def test_values_that_can_be_kept_are_let_through() -> None:
    body = {"text": "Zürich \U0001f600", "numbers": [2**63 - 1, -(2**63), 1.5, True, None]}

    check_values(body)
    assert read_json(json.dumps(body).encode()) == body


def test_a_refusal_of_a_value_names_what_is_wrong() -> None:
    with pytest.raises(BadInput, match="more than 64 bits"):
        read_json(str(2**64).encode())


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*b", "(a*)*(a*)*(a*)*c"])
def test_a_pattern_takes_linear_time_whatever_it_is(api_server: ApiServer, pattern: str) -> None:
    client = api_server.client()
    name = "a" * 200 + "!"
    server = {"name": name, "imageRef": api_server.image(), "flavorRef": "1"}
    client.post("/compute/v2.1/servers", json={"server": server}).raise_for_status()
    began = time.monotonic()

    answer = client.get("/compute/v2.1/servers", params={"name": pattern})

    assert answer.status_code == 200
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "(x{1000}){1000}", "a" * 300])
def test_a_pattern_that_can_not_be_compared_in_linear_time_is_refused(api_server: ApiServer, pattern: str) -> None:
    answer = api_server.client().get("/compute/v2.1/servers", params={"name": pattern})

    assert answer.status_code == 400


def _filled(path: str, word: str) -> str:
    names = [name for _, name, _, _ in string.Formatter().parse(path) if name]
    for name in _each(names, path):
        path = path.replace("{" + name + "}", word)
    return path


def _each(names: list[str], path: str) -> Iterator[str]:
    for name in names:
        yield name if "{" + name + "}" in path else f"{name}:path"
