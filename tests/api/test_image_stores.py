"""Several stores: which has an image's data is chosen and told, every reader goes by any of them, and copies come and go whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from busway.control.identity.bearer import authenticate
from busway.control.images.copying import copy_to
from busway.control.images.import_run import run_imports
from busway.control.images.purge import purge_deleted_images, remove_orphans
from busway.control.images.stores import image_path
from busway.control.placement.place import place_round
from busway.domain.errors import Unavailable
from busway.domain.image_store import ImageStore, ImageStores
from busway.store.images import get_image, sum_sizes
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_agents import agent, report
from tests.api.test_image_imports import DIRECT, stage
from tests.api.test_image_room import _limit
from tests.api.test_images import IMAGES, create
from tests.api.test_servers import create as create_server

DATA = b"data of an image"


@pytest.fixture
def stores(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """A control plane with the stores "fast" and "large", of which "fast" is read first and "large" is the default."""
    known = (
        ImageStore("large", str(tmp_path / "large"), "Slow disks", 10),
        ImageStore("fast", str(tmp_path / "fast"), "", 100),
    )
    server = start_api_server(tmp_path, api_template, image_stores=ImageStores(known, "large"))
    yield server
    server.stop()


def held(server: ApiServer) -> dict[str, int]:
    """How many files are in the folder of each store; temporary ones count."""
    folders = {store.name: Path(store.folder) for store in server.control.settings.image_stores.stores}
    return {name: sum(path.is_file() for path in folder.rglob("*")) for name, folder in folders.items()}


def block(server: ApiServer, store: str) -> None:
    """Makes a store take no data: its folder is a file."""
    (server.control.state / store).write_text("no folder")


def imported(server: ApiServer, url: str, **body: Any) -> dict[str, Any]:
    """The image after an import, which the loop does at once."""
    answer = server.client().post(f"{url}/import", json={**DIRECT, **body})
    assert answer.status_code == 202, answer.text
    run_imports(server.control)
    found: dict[str, Any] = server.client().get(url).json()
    return found


def uploaded(client: httpx.Client, store: str | None = None) -> str:
    """The URL of a new image with data in a store."""
    url = f"{IMAGES}/{create(client, 'raw')}"
    headers = {"X-Image-Meta-Store": store} if store else {}
    assert client.put(f"{url}/file", content=DATA, headers=headers).status_code == 204
    return url


def test_stores_are_told_and_their_folders_only_to_admins(stores: ApiServer) -> None:
    client, ann = stores.client(), stores.client(stores.user("ann"))

    told = ann.get("/image/v2/info/stores").json()["stores"]
    detail = client.get("/image/v2/info/stores/detail").json()["stores"]

    assert told == [
        {"id": "large", "description": "Slow disks", "default": "true", "weight": 10},
        {"id": "fast", "weight": 100},
    ]
    assert [(each["type"], each["properties"]) for each in detail] == [
        ("file", {"data_dir": str(stores.control.state / name)}) for name in ("large", "fast")
    ]
    assert ann.get("/image/v2/info/stores/detail").status_code == 403
    assert "copy-image" in client.get("/image/v2/info/import").json()["import-methods"]["value"]
    assert client.post(IMAGES, json={"name": "x"}).headers["openstack-image-store-ids"] == "large,fast"
    assert "v2.11" in {each["id"] for each in client.get("/image/versions").json()["versions"]}


@pytest.mark.parametrize(("named", "store"), [("fast", "fast"), (None, "large")])
def test_an_upload_goes_to_the_store_that_it_names(stores: ApiServer, named: str | None, store: str) -> None:
    client = stores.client()

    url = uploaded(client, named)

    assert client.get(url).json()["stores"] == store
    assert {name for name, count in held(stores).items() if count} == {store}
    assert client.get(f"{url}/file").content == DATA


def test_a_store_that_is_not_there_takes_nothing(stores: ApiServer) -> None:
    client = stores.client()
    url = f"{IMAGES}/{create(client, 'raw')}"
    odd = {"X-Image-Meta-Store": "odd"}

    for method, path in (("PUT", "file"), ("PUT", "stage")):
        answer = client.request(method, f"{url}/{path}", content=DATA, headers=odd)
        assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "image-import-store")
    client.put(f"{url}/stage", content=DATA).raise_for_status()
    for body in ({"stores": ["odd"]}, {"stores": ["fast"], "all_stores": True}):
        assert client.post(f"{url}/import", json={**DIRECT, **body}).status_code == 400
    assert client.post(f"{url}/import", json=DIRECT, headers=odd).status_code == 400
    assert client.get(url).json()["status"] == "uploading"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"all_stores": True}, "fast,large"),
        ({"stores": ["fast"]}, "fast"),
        ({"stores": ["large", "fast"]}, "fast,large"),
    ],
)
def test_an_import_goes_to_the_stores_that_it_names_and_leaves_nothing_elsewhere(
    stores: ApiServer, wanted: dict[str, Any], told: str
) -> None:
    client = stores.client()
    url = stage(client, DATA, "raw")

    shown = imported(stores, url, **wanted)

    assert (shown["status"], shown["stores"]) == ("active", told)
    assert (shown["os_glance_importing_to_stores"], shown["os_glance_failed_import"]) == ("", "")
    assert held(stores) == {name: int(name in told) for name in ("large", "fast")}
    assert client.get(f"{url}/file").content == DATA


def test_converted_data_goes_to_all_stores(stores: ApiServer, tmp_path: Path) -> None:
    disk = tmp_path / "disk.vmdk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", disk, "1M"], check=True)
    url = stage(stores.client(), disk.read_bytes(), "vmdk")

    shown = imported(stores, url, all_stores=True)

    assert (shown["disk_format"], shown["stores"]) == ("qcow2", "fast,large")
    assert held(stores) == {"large": 1, "fast": 1}


def test_where_all_stores_must_succeed_a_failure_leaves_the_image_without_data(stores: ApiServer) -> None:
    url = stage(stores.client(), DATA, "raw")
    block(stores, "fast")

    shown = imported(stores, url, all_stores=True)

    assert (shown["status"], shown["os_glance_failed_import"]) == ("queued", "fast,large")
    [task] = stores.client().get(f"{url}/tasks").json()["tasks"]
    assert task["status"] == "failure" and "fast" in task["message"]
    assert held(stores) == {"large": 0, "fast": 0}


def test_where_one_store_may_fail_the_image_is_in_the_other(stores: ApiServer) -> None:
    url = stage(stores.client(), DATA, "raw")
    block(stores, "fast")

    shown = imported(stores, url, all_stores=True, all_stores_must_succeed=False)

    assert (shown["status"], shown["stores"], shown["os_glance_failed_import"]) == ("active", "large", "fast")


def test_every_copy_counts_in_the_quota(stores: ApiServer) -> None:
    client = stores.client()
    admin = authenticate(stores.control, stores.admin)
    url = stage(client, b"x" * 700 * 1024, "raw")
    imported(stores, url, all_stores=True)
    with stores.control.db.read() as tx:
        used = sum_sizes(tx, admin.project_id)
    _limit(stores, image_size_total=3)
    other = stage(client, b"y" * 1024 * 1024, "raw")

    answer = client.post(f"{other}/import", json={**DIRECT, "all_stores": True})

    assert used == 2 * 700 * 1024
    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (413, "image-quota")
    assert imported(stores, other)["status"] == "active"


def test_readers_go_by_any_store_that_has_the_data(stores: ApiServer) -> None:
    client, host = stores.client(), agent(stores, "host1")
    report(host, "host1")
    url = stage(client, DATA, "raw")
    image = imported(stores, url, all_stores=True)["id"]
    create_server(client, image).raise_for_status()
    place_round(stores.control)
    [fast] = [path for path in (stores.control.state / "fast").iterdir() if path.is_file()]

    fast.unlink()

    assert client.get(f"{url}/file").content == DATA
    assert host.get(f"/agent/v1/images/{image}/file").content == DATA
    [large] = [path for path in (stores.control.state / "large").iterdir() if path.is_file()]
    large.unlink()
    lost = client.get(f"{url}/file")
    assert (lost.status_code, lost.headers["x-busway-error-code"]) == (404, "image-data-missing")


def test_a_store_that_can_not_even_be_looked_at_keeps_no_other_from_working(stores: ApiServer) -> None:
    client = stores.client()
    image = imported(stores, stage(client, DATA, "raw"), all_stores=True)["id"]
    other = uploaded(client).rpartition("/")[2]
    known = stores.control.settings.image_stores
    broken = [replace(each, folder=f"/{'x' * 300}") if each.name == "fast" else each for each in known.stores]
    settings = replace(stores.control.settings, image_stores=replace(known, stores=tuple(broken)))
    control = replace(stores.control, settings=settings)
    left = stores.control.state / "large" / "left"
    left.write_bytes(b"left by a crash")
    os.utime(left, (0, 0))

    remove_orphans(control)

    with control.db.read() as tx:
        found = {each: get_image(tx, each) for each in (image, other)}
    assert image_path(control, found[image]).parent.name == "large"
    assert not left.exists()
    with pytest.raises(Unavailable) as caught:
        copy_to(control, found[other], ["fast"], lambda: None, all_must_succeed=False)
    assert caught.value.code == "image-store-unavailable"


def test_a_store_that_is_not_configured_any_more_keeps_no_other_from_a_copy(stores: ApiServer) -> None:
    image = uploaded(stores.client()).rpartition("/")[2]
    with stores.control.db.read() as tx:
        found = get_image(tx, image)

    failed = copy_to(stores.control, found, ["gone", "fast"], lambda: None, all_must_succeed=False)

    assert failed == ("gone",)
    assert held(stores) == {"large": 1, "fast": 1}


def test_one_copy_is_deleted_and_the_last_one_is_not(stores: ApiServer) -> None:
    client, ann = stores.client(), stores.client(stores.user("ann"))
    url = stage(client, DATA, "raw")
    image = imported(stores, url, all_stores=True)["id"]
    same = uploaded(client, "fast")

    assert ann.delete(f"/image/v2/stores/fast/{image}").status_code == 403
    assert client.delete(f"/image/v2/stores/odd/{image}").status_code == 404
    assert client.delete(f"/image/v2/stores/fast/{image}").status_code == 204

    assert client.get(url).json()["stores"] == "large"
    assert client.get(f"{same}/file").content == DATA, "the same data is another image's there"
    assert client.delete(f"/image/v2/stores/fast/{image}").status_code == 404
    last = client.delete(f"/image/v2/stores/large/{image}")
    assert (last.status_code, last.headers["x-busway-error-code"]) == (403, "image-last-copy")
    client.delete(same).raise_for_status()
    purge_deleted_images(stores.control)
    assert held(stores) == {"large": 1, "fast": 0}
    client.delete(url).raise_for_status()
    purge_deleted_images(stores.control)
    assert held(stores) == {"large": 0, "fast": 0}


def test_what_is_staged_has_no_copies_yet(stores: ApiServer) -> None:
    client = stores.client()
    image = stage(client, DATA, "raw").rpartition("/")[2]

    answer = client.delete(f"/image/v2/stores/large/{image}")

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (409, "image-importing")


COPY = {"method": {"name": "copy-image"}}


def test_an_image_is_copied_to_the_stores_that_lack_it(stores: ApiServer) -> None:
    client = stores.client()
    url = uploaded(client)

    answer = client.post(f"{url}/import", json={**COPY, "all_stores": True})
    under_way = client.get(url).json()
    again = client.post(f"{url}/import", json={**COPY, "stores": ["fast"]})
    run_imports(stores.control)

    assert answer.status_code == 202
    assert (under_way["status"], under_way["stores"]) == ("active", "large")
    assert under_way["os_glance_importing_to_stores"] == "fast"
    assert (again.status_code, again.headers["x-busway-error-code"]) == (409, "image-importing")
    shown = client.get(url).json()
    assert (shown["stores"], shown["os_glance_importing_to_stores"]) == ("fast,large", "")
    assert held(stores) == {"large": 1, "fast": 1}
    [task] = client.get(f"{url}/tasks").json()["tasks"]
    assert task["status"] == "success"


def test_a_copy_where_there_is_one_is_refused_or_done(stores: ApiServer) -> None:
    client = stores.client()
    url = uploaded(client)

    named = client.post(f"{url}/import", json={**COPY, "stores": ["large"]})
    imported(stores, url, **COPY, all_stores=True)
    nothing_left = imported(stores, url, **COPY, all_stores=True)

    assert named.status_code == 400 and "already present at store 'large'" in named.text
    assert nothing_left["stores"] == "fast,large"
    assert {task["status"] for task in client.get(f"{url}/tasks").json()["tasks"]} == {"success"}


def test_a_copy_that_fails_leaves_the_image_as_it_was(stores: ApiServer) -> None:
    client = stores.client()
    url = uploaded(client)
    block(stores, "fast")

    shown = imported(stores, url, **COPY, stores=["fast"])

    assert (shown["status"], shown["stores"]) == ("active", "large")
    assert (shown["os_glance_importing_to_stores"], shown["os_glance_failed_import"]) == ("", "fast")
    [task] = client.get(f"{url}/tasks").json()["tasks"]
    assert task["status"] == "failure"
    assert client.get(f"{url}/file").content == DATA


def test_damaged_data_is_not_copied(stores: ApiServer) -> None:
    client = stores.client()
    url = uploaded(client)
    [file] = [path for path in (stores.control.state / "large").iterdir() if path.is_file()]
    file.write_bytes(b"damaged")

    shown = imported(stores, url, **COPY, stores=["fast"])

    assert shown["stores"] == "large"
    assert held(stores)["fast"] == 0
    [task] = client.get(f"{url}/tasks").json()["tasks"]
    assert "damaged" in task["message"]


def test_only_admins_copy_and_only_images_with_data(stores: ApiServer) -> None:
    ann = stores.client(stores.user("ann"))
    mine = uploaded(ann)
    queued = f"{IMAGES}/{create(stores.client(), 'raw')}"

    assert ann.post(f"{mine}/import", json={**COPY, "stores": ["fast"]}).status_code == 403
    assert stores.client().post(f"{queued}/import", json={**COPY, "stores": ["fast"]}).status_code == 409
    imported(stores, mine, **COPY, stores=["fast"])
    assert ann.get(mine).json()["stores"] == "fast,large"


def test_an_image_that_is_deleted_while_it_is_copied_leaves_no_copy(stores: ApiServer) -> None:
    client = stores.client()
    url = uploaded(client)
    client.post(f"{url}/import", json={**COPY, "stores": ["fast"]}).raise_for_status()

    client.delete(url).raise_for_status()
    run_imports(stores.control)
    purge_deleted_images(stores.control)

    assert held(stores) == {"large": 0, "fast": 0}
