"""Images that are copied from another region: described there, fetched with the user's own token, and compared."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from busway.api.image.schemas import IMAGE
from busway.control.images.import_run import run_imports
from busway.control.images.remote_image import _Page, fetch_remote
from busway.control.images.web_download import Fetch
from busway.domain.errors import BadInput
from busway.domain.image_task import ImageTask
from busway.domain.import_rules import ImportRules
from busway.domain.remote_image import ATTRIBUTES
from busway.pki.authority import make_authority
from busway.store import image_tasks, images
from tests.api.mirror import Answerer, Mirror
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_image_room import _limit
from tests.api.test_images import IMAGES, PATCH, create, files, qcow2

DATA = qcow2()
REMOTE = "36d4b546-64a2-4bb9-bdd0-ba676aa48f2c"
PATH = f"/image/v2/images/{REMOTE}"
SHA256 = hashlib.sha256(DATA).hexdigest()


def described(**changes: Any) -> bytes:
    """What the other region says of its image."""
    told = {
        "id": REMOTE,
        "name": "theirs",
        "status": "active",
        "disk_format": "qcow2",
        "container_format": "bare",
        "size": len(DATA),
        "checksum": hashlib.md5(DATA).hexdigest(),
        "os_hash_algo": "sha256",
        "os_hash_value": SHA256,
        "os_hidden": False,
        "tags": [],
        "hw_cpu_cores": "5",
        "trait:STORAGE_DISK_SSD": "required",
        "os_distro": "rhel",
        "os_glance_importing_to_stores": "",
        "speed": "88mph",
    }
    return json.dumps({**told, **changes}).encode()


@pytest.fixture
def region(web_mirror: Mirror) -> Mirror:
    web_mirror.put(PATH, described())
    web_mirror.put(f"{PATH}/file", DATA)
    return web_mirror


@pytest.fixture
def linked(api_server: ApiServer, region: Mirror) -> ApiServer:
    """A control plane whose catalog has another region, with `/v2` behind its address as some have it."""
    add_region(api_server, f"{region.url}/image/v2/")
    return api_server


def add_region(server: ApiServer, url: str) -> None:
    with server.client() as admin:
        admin.post("/identity/v3/regions", json={"region": {"id": "RegionTwo"}}).raise_for_status()
        [service] = admin.get("/identity/v3/services", params={"type": "image"}).json()["services"]
        endpoint = {"service_id": service["id"], "interface": "internal", "region_id": "RegionTwo", "url": url}
        admin.post("/identity/v3/endpoints", json={"endpoint": endpoint}).raise_for_status()


def begin(client: httpx.Client, image: str, **changes: Any) -> httpx.Response:
    method = {
        "name": "glance-download",
        "glance_image_id": REMOTE,
        "glance_region": "RegionTwo",
        "glance_service_interface": "internal",
    }
    return client.post(f"{IMAGES}/{image}/import", json={"method": {**method, **changes}})


def copied(
    server: ApiServer, client: httpx.Client | None = None, **changes: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A new image after its import, and its task."""
    client = client or server.client()
    image = create(client, None, container_format=None)
    answer = begin(client, image, **changes)
    assert answer.status_code == 202, answer.text
    run_imports(server.control)
    url = f"{IMAGES}/{image}"
    return client.get(url).json(), client.get(f"{url}/tasks").json()["tasks"][0]


def secrets_of(server: ApiServer) -> list[str]:
    with server.control.db.read() as tx:
        return list(
            tx.execute(image_tasks.image_tasks.select().with_only_columns(image_tasks.image_tasks.c.secret)).scalars()
        )


def test_an_image_of_another_region_is_copied_with_the_users_token(linked: ApiServer, region: Mirror) -> None:
    token = linked.user("ann")
    ann = linked.client(token)
    image = create(ann, "iso", container_format="ovf", hw_cpu_cores="1", os_distro="windows", mine="kept")

    assert begin(ann, image).status_code == 202
    [kept] = secrets_of(linked)
    run_imports(linked.control)

    shown = ann.get(f"{IMAGES}/{image}").json()
    assert (shown["status"], shown["disk_format"], shown["container_format"]) == ("active", "qcow2", "bare")
    assert (shown["size"], shown["virtual_size"], shown["name"]) == (len(DATA), 1 << 30, "new1")
    assert (shown["hw_cpu_cores"], shown["trait:STORAGE_DISK_SSD"], shown["os_distro"]) == ("5", "required", "rhel")
    assert shown["mine"] == "kept" and "speed" not in shown
    assert ann.get(f"{IMAGES}/{image}/file").content == DATA
    assert [(path, headers["X-Auth-Token"]) for path, headers in region.asked] == [
        (PATH, token),
        (f"{PATH}/file", token),
    ]
    assert kept and token not in kept and secrets_of(linked) == [""]
    assert token not in ann.get(f"{IMAGES}/{image}/tasks").text


def test_a_region_may_be_the_own_one(api_server: ApiServer) -> None:
    source = api_server.image("first", os_distro="debian")

    with api_server.client() as client:
        image, task = copied(
            api_server, client, glance_image_id=source, glance_region="RegionOne", glance_service_interface="public"
        )
        assert (image["status"], image["os_distro"], task["message"]) == ("active", "debian", "")
        assert client.get(f"{IMAGES}/{image['id']}/file").content == b"data of first"


def test_a_user_gets_no_image_that_is_not_theirs_there(api_server: ApiServer) -> None:
    hidden = api_server.image("hidden", visibility="private")
    ann = api_server.client(api_server.user("ann"))

    image, task = copied(
        api_server, ann, glance_image_id=hidden, glance_region="RegionOne", glance_service_interface="public"
    )

    assert (image["status"], task["status"]) == ("queued", "failure")
    assert "answered 404" in task["message"]
    assert secrets_of(api_server) == [""]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"glance_region": "Nowhere"}, "RegionTwo (internal)"),
        ({"glance_service_interface": "admin"}, "RegionOne (admin)"),
        ({"glance_image_id": "36d4b546-64a2-4bb9-bdd0-ba676aa48f2d"}, "answered 404"),
    ],
)
def test_what_is_not_there_leaves_the_image_queued_with_the_reason(
    linked: ApiServer, changes: dict[str, Any], why: str
) -> None:
    image, task = copied(linked, **changes)

    assert (image["status"], task["status"]) == ("queued", "failure")
    assert why in task["message"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"os_hash_value": "0" * 64}, "its sha256 is"),
        ({"os_hash_algo": "sha3_256", "os_hash_value": "0" * 64}, "its sha3_256 is"),
        ({"os_hash_algo": "crc32"}, "which Busway does not compute"),
        ({"checksum": "0" * 32}, "its MD5 is"),
        ({"size": len(DATA) + 1}, f"it has {len(DATA)} bytes"),
        ({"size": None}, "does not tell its size"),
        ({"status": "deactivated"}, "it is deactivated"),
        ({"container_format": "docker"}, "container_format is docker"),
        ({"disk_format": "ploop"}, "disk_format is ploop"),
        ({"disk_format": "raw"}, "declared raw"),
        ({f"hw_{number}": "x" for number in range(200)}, "properties"),
        ({"hw_long": "x" * 2 * 1024**2}, "in more than"),
    ],
)
def test_what_is_not_the_image_is_not_kept(
    linked: ApiServer, region: Mirror, changes: dict[str, Any], why: str
) -> None:
    region.put(PATH, described(**changes))

    image, task = copied(linked)

    assert (image["status"], image["size"], task["status"]) == ("queued", None, "failure")
    assert why in task["message"]
    assert "os_distro" not in image and image["disk_format"] is None
    assert files(linked) == []


@pytest.mark.parametrize("told", [b"", b"[]", b"{", b"[" * 100_000])
def test_an_answer_that_describes_no_image_is_refused(linked: ApiServer, region: Mirror, told: bytes) -> None:
    region.put(PATH, told)

    image, task = copied(linked)

    assert (image["status"], task["status"]) == ("queued", "failure")
    assert "unexpected" not in task["message"]


def test_the_token_follows_no_redirect(linked: ApiServer, region: Mirror) -> None:
    region.put(PATH, b"", 302, Location="/elsewhere")

    _, task = copied(linked)

    assert "redirected" in task["message"]
    assert [path for path, _ in region.asked] == [PATH]


def test_a_copy_stays_within_the_quota(linked: ApiServer, region: Mirror) -> None:
    _limit(linked, image_size_total=1)
    region.put(f"{PATH}/file", bytes(1024**2 + 1))

    image, task = copied(linked)

    assert (image["status"], task["status"], files(linked)) == ("queued", "failure", [])
    assert "image storage quota" in task["message"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"glance_image_id": "foo"}, "image id does not look like a UUID"),
        ({"glance_image_id": None}, "image id does not look like a UUID"),
        ({"glance_region": ""}, "glance_region is missing"),
        ({"uri": "http://mirror.example/"}, "takes no uri"),
    ],
)
def test_a_request_that_names_no_image_is_refused_at_once(
    linked: ApiServer, region: Mirror, changes: dict[str, Any], why: str
) -> None:
    client = linked.client()
    image = create(client)

    method = {name: value for name, value in changes.items() if value is not None}
    if None in changes.values():
        answer = client.post(
            f"{IMAGES}/{image}/import", json={"method": {"name": "glance-download", "glance_region": "x"}}
        )
    else:
        answer = begin(client, image, **method)

    assert answer.status_code == 400 and why in answer.text
    assert client.get(f"{IMAGES}/{image}").json()["status"] == "queued"
    assert secrets_of(linked) == [] and region.asked == []


def test_only_an_image_without_data_takes_some(linked: ApiServer) -> None:
    client = linked.client()

    assert begin(client, linked.image()).status_code == 409
    assert begin(linked.client(linked.user("ann")), create(client)).status_code == 404


def test_the_next_start_goes_on(linked: ApiServer, region: Mirror) -> None:
    client, control = linked.client(), linked.control
    image = create(client)
    begin(client, image).raise_for_status()

    def stopping(handler: Answerer) -> None:
        control.loops.stopping.set()
        handler.send(200, {}, DATA)

    region.answers[f"{PATH}/file"] = stopping
    run_imports(control)
    assert client.get(f"{IMAGES}/{image}").json()["status"] == "importing"
    assert secrets_of(linked) != [""]
    control.loops.stopping.clear()
    region.put(f"{PATH}/file", DATA)

    run_imports(control)

    assert client.get(f"{IMAGES}/{image}").json()["status"] == "active"


def test_what_was_fetched_before_a_crash_is_not_fetched_again(linked: ApiServer, region: Mirror) -> None:
    client, control = linked.client(), linked.control
    image = create(client, mine="old")
    begin(client, image).raise_for_status()
    with control.db.read() as tx:
        task, row = image_tasks.next_under_way(tx, ()), images.get_image(tx, image)
    assert isinstance(task, ImageTask)
    fetch_remote(control, task, row, lambda: None)  # by a process that ended here
    change = [{"op": "replace", "path": "/mine", "value": "new"}, {"op": "replace", "path": "/name", "value": "later"}]

    def changing(handler: Answerer) -> None:
        client.patch(f"{IMAGES}/{image}", content=json.dumps(change), headers=PATCH).raise_for_status()
        handler.send(200, {}, described())

    region.answers[PATH] = changing
    run_imports(control)

    shown = client.get(f"{IMAGES}/{image}").json()
    assert (shown["status"], shown["os_distro"]) == ("active", "rhel")
    assert [path for path, _ in region.asked].count(f"{PATH}/file") == 1
    assert (shown["mine"], shown["name"]) == ("new", "later")  # what the owner has changed meanwhile stays


@pytest.fixture
def choosing(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """A control plane whose operator copies other properties."""
    server = start_api_server(tmp_path, api_template, copied_properties=("speed", "os_"))
    yield server
    server.stop()


def test_the_operator_chooses_the_properties(choosing: ApiServer, region: Mirror) -> None:
    add_region(choosing, f"{region.url}/image")

    image, task = copied(choosing)

    assert (task["status"], image["speed"], image["os_distro"]) == ("success", "88mph", "rhel")
    assert "hw_cpu_cores" not in image and image["os_hidden"] is False
    assert image["os_glance_importing_to_stores"] == ""  # its own


def test_attributes_of_images_are_no_properties() -> None:
    assert frozenset(IMAGE["properties"]) == ATTRIBUTES  # type: ignore[call-overload]


def test_a_container_is_taken_without_data_only(api_server: ApiServer) -> None:
    client = api_server.client()
    image = create(client, "raw", container_format="ovf")

    for path in ("file", "stage"):
        refused = client.put(f"{IMAGES}/{image}/{path}", content=b"data")
        assert (refused.status_code, refused.headers["x-busway-error-code"]) == (400, "image-container-format")

    change = [{"op": "replace", "path": "/container_format", "value": "bare"}]
    client.patch(f"{IMAGES}/{image}", content=json.dumps(change), headers=PATCH).raise_for_status()
    client.put(f"{IMAGES}/{image}/file", content=b"data").raise_for_status()


def test_an_endpoint_may_have_a_private_address_and_a_certificate_of_the_own_authority(
    region: Mirror, tmp_path: Path
) -> None:
    authority = make_authority(datetime.now(UTC))
    (tmp_path / "server.pem").write_text(authority.sign_server(["glance.lan"], datetime.now(UTC)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    region.socket = context.wrap_socket(region.socket, server_side=True)
    url, page = f"https://glance.lan:{region.port}{PATH}", _Page()
    rules = ImportRules.of_endpoint(url)

    def fetch(**more: Any) -> None:
        found = Fetch(rules, lambda _expected: page, lambda: None, resolve=lambda *_: ["127.0.0.1"], **more)
        found.run(url)

    fetch(ca=authority.ca)
    with pytest.raises(BadInput, match="certificate"):
        fetch()

    assert json.loads(page.data)["id"] == REMOTE
    for other in (
        f"https://glance.lan{PATH}",
        f"https://other.lan:{region.port}{PATH}",
        f"http://127.0.0.1:{region.port}/",
    ):
        with pytest.raises(BadInput, match="not among"):
            rules.check_url(other)
