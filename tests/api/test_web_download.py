"""Images that are fetched: from whom the operator allows, at the address that was checked, within time and quota."""

from __future__ import annotations

import contextlib
import gzip
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from busway.control.images import web_download
from busway.control.images.import_run import run_imports
from busway.control.images.web_download import Fetch, resolve
from busway.domain.errors import BadInput
from busway.domain.import_rules import ImportRules
from busway.pki.authority import make_authority
from tests.api.mirror import Answerer, Mirror
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_image_room import MIB, _limit
from tests.api.test_images import IMAGES, create, files, qcow2
from tests.processes.cloud import wait_for

DATA = qcow2()
METHODS = ["glance-direct", "web-download", "glance-download"]


@pytest.fixture
def mirror(web_mirror: Mirror) -> Mirror:
    web_mirror.put("/image.qcow2", DATA)
    return web_mirror


@pytest.fixture
def fetching(api_template: Path, tmp_path: Path, mirror: Mirror) -> Iterator[ApiServer]:
    """A control plane whose operator allows the mirror."""
    rules = ImportRules(("127.0.0.1", "localhost"), (mirror.port,))
    server = start_api_server(tmp_path, api_template, imports=rules)
    yield server
    server.stop()


def fetch(server: ApiServer, url: str, disk_format: str = "qcow2") -> tuple[dict[str, Any], dict[str, Any]]:
    """An image after the import of a URL, and its task."""
    client = server.client()
    image = f"{IMAGES}/{create(client, disk_format)}"
    method = {"method": {"name": "web-download", "uri": url}}
    answer = client.post(f"{image}/import", json=method)
    assert answer.status_code == 202, answer.text
    assert client.get(image).json()["status"] == "importing"
    run_imports(server.control)
    return client.get(image).json(), client.get(f"{image}/tasks").json()["tasks"][0]


def test_an_image_is_fetched_and_checked(fetching: ApiServer, mirror: Mirror) -> None:
    image, task = fetch(fetching, f"{mirror.url}/image.qcow2?version=1")

    assert (task["status"], task["message"]) == ("success", "")
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(DATA), 1 << 30)
    assert fetching.client().get(f"{IMAGES}/{image['id']}/file").content == DATA
    [(path, headers)] = mirror.asked
    assert path == "/image.qcow2?version=1"
    assert headers["Host"] == f"127.0.0.1:{mirror.port}"
    assert not {"Cookie", "Authorization", "X-Auth-Token"} & set(headers)


def test_the_method_is_offered_where_a_host_is_allowed(fetching: ApiServer) -> None:
    client = fetching.client()

    assert client.get("/image/v2/info/import").json()["import-methods"]["value"] == METHODS
    made = client.post(IMAGES, json={"name": "x"})
    assert made.headers["openstack-image-import-methods"] == ",".join(METHODS)


@pytest.mark.parametrize(
    "uri",
    ["http://other.example/a", "http://127.0.0.1/a", "http://169.254.169.254/latest", "file:///etc/passwd", "", None],
)
def test_a_url_that_is_not_allowed_is_refused_at_once(fetching: ApiServer, mirror: Mirror, uri: str | None) -> None:
    client = fetching.client()
    image = f"{IMAGES}/{create(client)}"

    method = {"name": "web-download"} | ({} if uri is None else {"uri": uri})
    answer = client.post(f"{image}/import", json={"method": method})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "image-import-url")
    assert client.get(image).json()["status"] == "queued"
    assert mirror.asked == []


def test_a_name_of_this_machine_is_asked_only_with_its_address_allowed(
    api_template: Path, tmp_path: Path, mirror: Mirror, fetching: ApiServer
) -> None:
    (tmp_path / "strict").mkdir()
    strict = start_api_server(tmp_path / "strict", api_template, imports=ImportRules(("localhost",), (mirror.port,)))
    try:
        refused, task = fetch(strict, f"http://localhost:{mirror.port}/image.qcow2")
    finally:
        strict.stop()
    assert (refused["status"], task["status"], mirror.asked) == ("queued", "failure", [])
    assert "not on the internet" in task["message"]

    if "::1" not in resolve("localhost", mirror.port):
        assert fetch(fetching, f"http://localhost:{mirror.port}/image.qcow2")[0]["status"] == "active"


def test_a_redirect_is_followed_by_the_same_rules(fetching: ApiServer, mirror: Mirror) -> None:
    mirror.put("/moved", b"", 302, Location="/image.qcow2")
    mirror.put("/away", b"", 302, Location="http://169.254.169.254/latest/meta-data")
    mirror.put("/file", b"", 302, Location="file:///etc/passwd")
    mirror.put("/loop", b"", 302, Location="/loop")

    assert fetch(fetching, f"{mirror.url}/moved")[0]["status"] == "active"
    for path, why in (
        ("/away", "169.254.169.254 is not among"),
        ("/file", "scheme file"),
        ("/loop", "more than 5 times"),
    ):
        image, task = fetch(fetching, f"{mirror.url}{path}")
        assert (image["status"], task["status"]) == ("queued", "failure")
        assert why in task["message"]


def test_what_is_no_image_leaves_the_image_queued_with_the_reason(fetching: ApiServer, mirror: Mirror) -> None:
    mirror.put("/packed", gzip.compress(DATA), Content_Encoding="gzip")
    mirror.put("/empty", b"")
    mirror.put("/page", b"<html>not an image</html>" * 20)
    mirror.put("/backing", qcow2(backing=4096))
    told = {
        "/nothing": "answered 404",
        "/packed": "compressed",
        "/empty": "it sent 0 of",
        "/page": "not qcow2",
        "/backing": "backing file",
    }
    for path, why in told.items():
        image, task = fetch(fetching, f"{mirror.url}{path}")

        assert (image["status"], image["size"], task["status"]) == ("queued", None, "failure")
        assert why in task["message"]
    assert files(fetching) == []


def test_a_fetch_stays_within_the_quota(fetching: ApiServer, mirror: Mirror) -> None:
    _limit(fetching, image_size_total=1)
    sent: list[int] = []

    def endless(handler: Answerer) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while len(sent) < 1000:
            handler.wfile.write(bytes(MIB // 4))
            sent.append(1)

    mirror.answers["/endless"] = endless
    mirror.put("/large", bytes(MIB + 1))
    for path in ("/endless", "/large"):
        image, task = fetch(fetching, f"{mirror.url}{path}", "raw")

        assert (image["status"], task["status"]) == ("queued", "failure")
        assert "image storage quota" in task["message"]
    assert len(sent) < 1000
    assert files(fetching) == []


def test_a_cut_off_answer_is_no_image(fetching: ApiServer, mirror: Mirror) -> None:
    def cut(handler: Answerer) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(DATA)
        handler.close_connection = True

    mirror.answers["/cut"] = cut

    image, task = fetch(fetching, f"{mirror.url}/cut", "raw")

    assert (image["status"], task["status"], files(fetching)) == ("queued", "failure", [])


@dataclass
class _Data:
    """Takes what comes."""

    data: bytes = b""
    told: list[int | None] = field(default_factory=list)

    def write(self, piece: bytes) -> None:
        self.data += piece

    def begin(self, expected: int | None) -> _Data:
        self.told.append(expected)
        return self


@pytest.mark.parametrize("headers_first", [True, False], ids=["slow data", "slow headers"])
def test_a_server_that_drips_is_left_after_the_time(mirror: Mirror, headers_first: bool) -> None:
    ended = threading.Event()

    def drip(handler: Answerer) -> None:
        if headers_first:
            handler.send_response(200)
            handler.end_headers()
        try:
            for _ in range(3000):
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: b"[:1])
                handler.wfile.flush()
                time.sleep(0.01)
        except OSError:
            pass
        handler.close_connection = True
        ended.set()

    mirror.answers["/drip"] = drip
    rules, taken = ImportRules(("127.0.0.1",), (mirror.port,)), _Data()

    with pytest.raises(BadInput, match=r"more than 0\.5 s"):
        Fetch(rules, taken.begin, lambda: None, seconds=0.5).run(f"{mirror.url}/drip")

    assert ended.wait(10)


def test_a_server_that_is_slower_than_any_real_one_is_left(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_download, "LEAST_SECONDS", 0.2)

    def trickle(handler: Answerer) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"x")
                time.sleep(0.01)
        handler.close_connection = True

    mirror.answers["/trickle"] = trickle
    rules, taken = ImportRules(("127.0.0.1",), (mirror.port,)), _Data()

    with pytest.raises(BadInput, match=r"only \d+ bytes came in 0\.2 s"):
        Fetch(rules, taken.begin, lambda: None).run(f"{mirror.url}/trickle")


def test_slow_downloads_of_some_projects_hold_up_no_other(fetching: ApiServer, mirror: Mirror) -> None:
    goes_on = threading.Event()

    def slow(handler: Answerer) -> None:
        goes_on.wait(60)
        handler.send(200, {}, DATA)

    mirror.answers["/slow"] = slow
    images: dict[str, str] = {}
    for name in ("ann", "ben", "cat", "dan"):
        with fetching.client(fetching.user(name)) as client:
            images[name] = f"{IMAGES}/{create(client, 'qcow2')}"
            uri = f"{mirror.url}/{'image.qcow2' if name == 'dan' else 'slow'}"
            method = {"method": {"name": "web-download", "uri": uri}}
            client.post(f"{images[name]}/import", json=method).raise_for_status()
    admin = fetching.client()
    turn = threading.Thread(target=run_imports, args=(fetching.control,))
    turn.start()
    try:
        wait_for("the fourth project's image", lambda: admin.get(images["dan"]).json()["status"] == "active", 30)
        before = {admin.get(images[name]).json()["status"] for name in ("ann", "ben", "cat")}
    finally:
        goes_on.set()
        turn.join(60)

    assert before == {"importing"}
    assert {admin.get(image).json()["status"] for image in images.values()} == {"active"}


def test_the_connection_goes_to_the_address_that_was_checked(mirror: Mirror) -> None:
    rules, taken = ImportRules(("mirror.example", "127.0.0.1"), (mirror.port,)), _Data()
    asked: list[str] = []

    def changing(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    Fetch(rules, taken.begin, lambda: None, resolve=changing).run(f"http://mirror.example:{mirror.port}/image.qcow2")

    assert (taken.data, taken.told, asked) == (DATA, [len(DATA)], ["mirror.example"])
    assert mirror.asked[0][1]["Host"] == f"mirror.example:{mirror.port}"


def test_no_proxy_and_no_password_of_this_machine_is_used(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    rules, taken = ImportRules(("127.0.0.1",), (mirror.port,)), _Data()

    Fetch(rules, taken.begin, lambda: None).run(f"{mirror.url}/image.qcow2")

    assert taken.data == DATA
    assert "Authorization" not in mirror.asked[0][1]


def test_one_bad_address_of_a_host_is_enough(mirror: Mirror) -> None:
    rules, taken = ImportRules(("mirror.example", "127.0.0.1"), (mirror.port,)), _Data()
    fetching = Fetch(rules, taken.begin, lambda: None, resolve=lambda *_: ["127.0.0.1", "10.0.0.1"])

    with pytest.raises(BadInput, match=r"10\.0\.0\.1"):
        fetching.run(f"http://mirror.example:{mirror.port}/image.qcow2")

    assert mirror.asked == []


def test_https_checks_the_certificate_of_the_name(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority(datetime.now(UTC))
    (tmp_path / "server.pem").write_text(authority.sign_server(["mirror.example"], datetime.now(UTC)))
    (tmp_path / "ca.pem").write_text(authority.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    mirror.socket = context.wrap_socket(mirror.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    rules, taken = ImportRules(("mirror.example", "other.example", "127.0.0.1"), (mirror.port,)), _Data()
    fetching = Fetch(rules, taken.begin, lambda: None, resolve=lambda *_: ["127.0.0.1"])

    fetching.run(f"https://mirror.example:{mirror.port}/image.qcow2")
    with pytest.raises(BadInput, match="certificate"):
        fetching.run(f"https://other.example:{mirror.port}/image.qcow2")

    assert taken.data == DATA
    assert len(mirror.asked) == 1
