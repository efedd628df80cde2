"""Each header of a request is honoured, refused with its reason, or on the list of those that HTTP lets a server ignore."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from busway.api import openapi
from busway.api.headers import HONOURED, IGNORED, NOT_DONE
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_image_ranges import DATA
from tests.api.test_images import IMAGES, create

# One operation that reads and one that writes of each service.
READS = {
    "compute": "/compute/v2.1/servers",
    "identity": "/identity/v3/projects",
    "image": "/image/v2/images",
    "network": "/network/v2.0/networks",
    "placement": "/placement/resource_providers",
    "busway": "/busway/v1/hosts",
}
WRITES: dict[str, tuple[str, Any]] = {
    "compute": ("/compute/v2.1/os-keypairs", {"keypair": {"name": "made"}}),
    "identity": ("/identity/v3/projects", {"project": {"name": "made"}}),
    "image": ("/image/v2/images", {"name": "made"}),
    "network": ("/network/v2.0/networks", {"network": {"name": "made"}}),
    "placement": ("/placement/resource_classes", {"name": "CUSTOM_MADE"}),
    "busway": ("/busway/v1/hosts", {"name": "made"}),
}
NEWEST = {"OpenStack-API-Version": "compute 2.90, placement 1.39"}
ID = "req-01234567-89ab-4cde-8fab-0123456789ab"


@pytest.fixture(scope="module")
def shared(api_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A control plane in which these requests change nothing."""
    server = start_api_server(tmp_path_factory.mktemp("headers"), api_template)
    yield server
    server.stop()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.headers.get("x-busway-error-code", "")


@pytest.mark.parametrize("service", READS)
def test_an_ignored_header_changes_nothing(shared: ApiServer, service: str) -> None:
    client = shared.client()
    values = {"accept": "*/*" if service == "placement" else "application/xml"}
    plain = client.get(READS[service])

    for name in sorted(IGNORED):
        given = client.get(READS[service], headers={name: values.get(name, "nobody")})
        assert (name, given.status_code, given.content) == (name, plain.status_code, plain.content)


@pytest.mark.parametrize("service", WRITES)
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Content-Type", "application/xml", (415, "bad-media-type")),
        ("Content-Type", "application/x-www-form-urlencoded", (415, "bad-media-type")),
        ("Content-Type", "multipart/form-data; boundary=x", (415, "bad-media-type")),
        ("Content-Encoding", "gzip", (415, "content-encoding")),
        ("Content-Range", "bytes 0-9/100", (400, "header-not-supported")),
        ("Content-MD5", base64.b64encode(b"0" * 16).decode(), (400, "body-md5")),
        ("Content-MD5", "no md5", (400, "body-md5")),
        ("If-Match", '"an etag"', (412, "precondition-failed")),
        ("If-Match", "revision_number=1", (412, "precondition-failed")),  # nothing is there yet
        ("If-None-Match", "*", (412, "precondition-failed")),
        ("Expect", "a-miracle", (417, "expectation-failed")),
        ("Idempotency-Key", "8e03978e", (400, "header-not-supported")),
        ("X-HTTP-Method-Override", "DELETE", (400, "header-not-supported")),
        ("OpenStack-Auth-Receipt", "a receipt", (400, "header-not-supported")),
        ("X-OpenStack-Request-ID", "mine", (400, "request-id")),
        ("X-Service-Token", "no token", (401, "service-token")),
        ("OpenStack-API-Version", "2.90", (400, "microversion-format")),
    ],
)
def test_what_is_not_honoured_is_refused_and_nothing_is_done(
    shared: ApiServer, service: str, name: str, value: str, expected: tuple[int, str]
) -> None:
    client = shared.client()
    client.headers.update(NEWEST)
    path, body = WRITES[service]
    before = client.get(path).json()

    answer = client.post(path, json=body, headers={name: value, "X-Roles": "admin"})

    assert code_of(answer) == expected
    assert client.get(path).json() == before


@pytest.mark.parametrize("service", WRITES)
def test_headers_that_clients_send_are_no_hindrance(api_server: ApiServer, service: str) -> None:
    client = api_server.client()
    path, body = WRITES[service]
    usual = {
        **NEWEST,
        "Content-Type": "application/json; charset=UTF-8",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "Expect": "100-continue",
        "If-Match": "*",
        "X-OpenStack-Request-ID": ID,
        "X-Service-Token": api_server.admin,
        "X-Auth-Project-Id": "admin",
    }

    answer = client.post(path, json=body, headers=usual)

    refused = (409, "resource-provider-computed")  # whatever the headers say
    assert answer.is_success or (service, code_of(answer)) == ("placement", refused)


@pytest.mark.parametrize("service", READS)
def test_a_header_that_contradicts_itself_is_refused(shared: ApiServer, service: str) -> None:
    headers = [("X-Auth-Token", shared.admin), ("X-Auth-Token", "another")]

    assert code_of(httpx.get(shared.url + READS[service], headers=headers)) == (400, "header-twice")


@pytest.mark.parametrize("service", ["identity", "image", "network"])
def test_services_without_microversions_take_none(shared: ApiServer, service: str) -> None:
    answer = shared.client().get(READS[service], headers={"OpenStack-API-Version": f"{service} 2.5"})

    assert code_of(answer) == (406, "microversion")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/*", 200),
        ("application/xml", 406),
        ("application/json;q=0", 406),
    ],
)
def test_placement_refuses_who_takes_no_json(shared: ApiServer, value: str, status: int) -> None:
    assert shared.client().get(READS["placement"], headers={"Accept": value}).status_code == status


@pytest.mark.parametrize("sent", ["", "text/plain", "application/vnd.api+json"])
def test_json_is_read_without_a_type_of_its_own(api_server: ApiServer, sent: str) -> None:
    headers = {"Content-Type": sent} if sent else {}

    answer = api_server.client().post(
        "/identity/v3/projects", content=b'{"project": {"name": "made"}}', headers=headers
    )

    assert answer.status_code == 201


def test_the_callers_own_id_of_a_request_is_in_the_log(api_server: ApiServer) -> None:
    with capture_logs() as logs:
        answer = api_server.client().get(READS["compute"], headers={"X-OpenStack-Request-ID": ID})
        api_server.client().get(READS["compute"])

    first, second = [line for line in logs if line["event"] == "request"]
    assert (first["global_request_id"], first["request_id"]) == (ID, answer.headers["x-openstack-request-id"])
    assert "global_request_id" not in second and first["request_id"] != ID


def test_a_service_token_must_be_valid(api_server: ApiServer) -> None:
    client = api_server.client()
    service = api_server.user("service")
    assert client.get(READS["compute"], headers={"X-Service-Token": service}).status_code == 200

    client.delete("/identity/v3/auth/tokens", headers={"X-Subject-Token": service}).raise_for_status()

    answer = client.get(READS["compute"], headers={"X-Service-Token": service})
    assert code_of(answer) == (401, "service-token") and "X-Service-Token" in answer.text


def test_a_token_with_access_rules_is_shown_to_who_keeps_them(api_server: ApiServer) -> None:
    client = api_server.client()
    user = client.get("/identity/v3/users", params={"name": "admin"}).json()["users"][0]["id"]
    rules = [{"service": "compute", "method": "GET", "path": "/v2.1/servers"}]
    wanted = {"name": "narrow", "secret": "s" * 16, "access_rules": rules}
    path = f"/identity/v3/users/{user}/application_credentials"
    made = client.post(path, json={"application_credential": wanted}).json()["application_credential"]
    given = {"id": made["id"], "secret": "s" * 16}
    identity = {"methods": ["application_credential"], "application_credential": given}
    token = client.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity}}).headers["x-subject-token"]
    subject = {"X-Subject-Token": token}

    old = client.get("/identity/v3/auth/tokens", headers=subject)
    new = client.get("/identity/v3/auth/tokens", headers={**subject, "OpenStack-Identity-Access-Rules": "1.0"})

    assert (code_of(old), new.status_code) == ((404, "token-access-rules"), 200)


@pytest.mark.parametrize("place", ["file", "stage"])
@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Content-Type", "multipart/form-data; boundary=x", 415),
        ("Content-Type", "application/json", 415),
        ("Content-Encoding", "gzip", 415),
        ("Content-Range", "bytes 0-1023/4096", 400),
        ("Content-MD5", base64.b64encode(b"0" * 16).decode(), 400),
        ("X-OpenStack-Image-Size", "1023", 400),
        ("X-OpenStack-Image-Size", "many", 400),
        ("X-Image-Meta-Store", "ceph", 400),
        ("X-Image-Meta-Name", "another", 400),
    ],
)
def test_image_data_is_not_taken_otherwise_than_it_is_sent(
    shared: ApiServer, place: str, name: str, value: str, status: int
) -> None:
    client = shared.client()
    image = create(client, "raw")

    assert client.put(f"{IMAGES}/{image}/{place}", content=DATA, headers={name: value}).status_code == status
    assert client.get(f"{IMAGES}/{image}").json()["status"] == "queued"


def test_image_data_is_compared_with_what_the_client_says_of_it(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw")
    headers = {
        "Content-MD5": base64.b64encode(hashlib.md5(DATA).digest()).decode(),
        "Content-Type": "application/octet-stream",
        "X-Image-Meta-Store": "file",
        "X-OpenStack-Image-Size": str(len(DATA)),
    }

    def pieces() -> Any:
        yield DATA[:100]
        yield DATA[100:]

    assert client.put(f"{IMAGES}/{image}/file", content=pieces(), headers=headers).status_code == 204
    short = create(client, "raw")
    answer = client.put(f"{IMAGES}/{short}/file", content=iter([DATA[:100]]), headers={"X-OpenStack-Image-Size": "101"})
    assert code_of(answer) == (400, "image-truncated")


def test_image_data_that_a_client_has_is_not_sent_again(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw")
    url = f"{IMAGES}/{image}/file"
    client.put(url, content=DATA).raise_for_status()
    tag = client.get(url).headers["etag"]

    def asked(**headers: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client.get(url, headers=named)
        return answer.status_code, answer.content if answer.is_success else b""

    assert tag == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert asked(If_None_Match=tag) == (304, b"") and asked(If_None_Match=f'"other", W/{tag}') == (304, b"")
    assert asked(If_None_Match='"other"') == (200, DATA)
    assert asked(If_Match=tag) == (200, DATA) and asked(If_Match='"other"') == (412, b"")
    assert asked(Range="bytes=0-9", If_Range=tag) == (206, DATA[:10])
    assert asked(Range="bytes=0-9", If_Range='"other"') == (200, DATA)


def test_a_body_in_chunks_is_read_as_one_with_a_length(api_server: ApiServer) -> None:
    client = api_server.client()
    body = iter([b'{"project": ', b'{"name": "made"}}'])

    answer = client.post("/identity/v3/projects", content=body, headers={"Content-Type": "application/json"})

    assert answer.json()["project"]["name"] == "made"


@pytest.mark.thorough
def test_a_body_that_nothing_reads_is_refused(shared: ApiServer) -> None:
    client = shared.client()
    client.headers.update(NEWEST)
    silent = [
        each
        for table in openapi.SERVICES.values()
        for each in table
        if each.method not in ("GET", "HEAD") and each.stream is None and each.body is None and not each.reads_body
    ]

    for each in silent:
        path = re.sub(r"{[^}]*}", "x", each.path)
        refused = client.request(each.method, path, json={"reason": "none"})
        assert (path, *code_of(refused)) == (path, 400, "body-unexpected")
        for nothing in (b"", b"{}", b"null", b'"{}"'):
            assert code_of(client.request(each.method, path, content=nothing))[1] != "body-unexpected"
    assert len(silent) > 50


def test_a_proxy_on_this_machine_says_who_asks(api_server: ApiServer) -> None:
    with capture_logs() as logs:
        api_server.client().get(READS["compute"], headers={"X-Forwarded-For": "203.0.113.7"})

    assert [line["address"] for line in logs if line["event"] == "request"] == ["203.0.113.7"]


def test_every_header_that_is_read_is_in_the_list() -> None:
    read: set[str] = set()
    for path in (Path(__file__).parents[2] / "src/busway/api").rglob("*.py"):
        read |= set(re.findall(r"headers(?:\.get\(|\[)\"([A-Za-z0-9-]+)\"", path.read_text("utf-8")))
    answers = {"Allow", "Vary", "content-range", "www-authenticate", "x-compute-request-id"}

    assert {each.lower() for each in read - answers} - HONOURED.keys() == set()


def test_every_header_of_the_lists_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/api.md").read_text("utf-8").lower()

    assert [name for name in (*HONOURED, *IGNORED, *NOT_DONE) if f"`{name}`" not in page] == []
