"""Each sort key that a list's schema offers orders the list, both ways, and pages go through that order without a gap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from busway.api import openapi
from busway.control.identity.bearer import authenticate
from busway.store.image_tasks import image_tasks
from busway.store.images import images
from busway.store.security_group_list import GROUP_COLUMNS, RULE_SORT_KEYS
from tests.api.many import NOON, fill
from tests.api.serving import ApiServer, start_api_server

_NAMES = {
    "flavorid": "id", "memory_mb": "ram", "root_gb": "disk", "ephemeral_gb": "OS-FLV-EXT-DATA:ephemeral",
    "is_public": "os-flavor-access:is_public",
}  # fmt: skip
# Lists whose schema has no keys, for any attribute is one.
OPEN = {"/network/v2.0/security-groups": GROUP_COLUMNS, "/network/v2.0/security-group-rules": RULE_SORT_KEYS}
# By these all things of a list are alike.
ALIKE = {
    *((path, "shared") for path in OPEN),
    *((path, key) for path in OPEN for key in ("stateful", "remote_address_group_id")),
    ("/network/v2.0/security-group-rules", "revision_number"),  # nothing changes a rule
    ("/image/v2/images", "container_format"),
}
# Lists whose orders have tests of their own.
ELSEWHERE = {"/compute/v2.1/servers", "/compute/v2.1/servers/detail", "/compute/v2.1/flavors"}


def _offered() -> dict[str, list[str]]:
    """The sort keys of each list, by its path."""
    found = {path: sorted(keys) for path, keys in OPEN.items()}
    for operations in openapi.SERVICES.values():
        for each in operations:
            if "sort_key" in (each.query or {}) and each.path not in ELSEWHERE:
                found[each.path] = list(each.query["sort_key"]["enum"])
    return found


OFFERED = _offered()
CASES = [(path, key, way) for path, keys in OFFERED.items() for key in keys for way in ("asc", "desc")]


@pytest.fixture(scope="module")
def world(api_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A cloud with several things in each list, whose attributes go in different orders."""
    server = start_api_server(tmp_path_factory.mktemp("sorts"), api_template)
    admin = authenticate(server.control, server.admin)
    fill(server.control.db, 20, admin.project_id, admin.user_id)
    with server.control.db.write() as tx:
        ids = list(tx.execute(select(images.c.id).order_by(images.c.id)).scalars())
        for n, image in enumerate(ids):
            values = {
                "name": None if n % 5 == 0 else f"n{n * 7 % 11}", "status": ("active", "queued")[n % 2],
                "disk_format": (None, "raw", "qcow2")[n % 3], "size": None if n % 4 == 0 else n * 7 % 13,
                "virtual_size": None if n % 4 == 1 else 100 - n, "min_ram": n * 3 % 7, "min_disk": n * 5 % 8,
                "updated": NOON + timedelta(hours=n * 7 % 20), "visibility": ("public", "private")[n % 2],
            }  # fmt: skip
            tx.execute(update(images).where(images.c.id == image).values(values))
        task = {"owner": "p", "user_id": "u", "given": {}, "status": "success", "message": ""}
        for n in range(8):
            about = {"id": f"task{n * 5 % 8}", "image_id": ids[n], "request_id": f"req-{n}"}
            tx.execute(insert(image_tasks).values(**task, **about, created=NOON + timedelta(seconds=n // 2)))
    with server.client(version="2.100") as client:
        for n in range(5):
            server.clock.ahead += timedelta(seconds=1)
            flavor = {
                "id": f"f{n * 3 % 5}",
                "name": f"g{n}",
                "ram": 9 + n * 2 % 5,
                "vcpus": 8 + n % 3,
                "disk": n * 4 % 5,
            }
            flavor |= {"swap": 9 + n % 4, "OS-FLV-EXT-DATA:ephemeral": n % 2, "os-flavor-access:is_public": n != 2}
            flavor |= {"rxtx_factor": 1 + n % 3} | ({"description": f"told {n}"} if n % 2 else {})
            client.post("/compute/v2.1/flavors", json={"flavor": flavor}).raise_for_status()
            space = {"namespace": f"N{n * 3 % 5}", "visibility": "public"}
            client.post("/image/v2/metadefs/namespaces", json=space).raise_for_status()
        _groups(server)
    yield server
    server.stop()


def _groups(server: ApiServer) -> None:
    """Groups of two projects, with rules for ports of one to four digits."""
    for name in ("ann", "bea"):
        with server.client(server.user(name)) as client:
            for word in ("b", "a"):
                server.clock.ahead += timedelta(seconds=1)
                group = {"name": f"{name}-{word}", "description": word if word == "a" else f"z{name}"}
                made = client.post("/network/v2.0/security-groups", json={"security_group": group}).json()
                its = {"security_group_id": made["security_group"]["id"], "direction": "ingress"}
                more: list[dict[str, object]] = [
                    {
                        "protocol": "tcp",
                        "port_range_min": 443,
                        "port_range_max": 8080,
                        "remote_ip_prefix": "10.0.0.0/8",
                    },
                    {"protocol": "udp", "port_range_min": 53, "port_range_max": 53, "description": "names"},
                    {"remote_group_id": its["security_group_id"]},
                ]
                for rule in more:
                    answer = client.post("/network/v2.0/security-group-rules", json={"security_group_rule": its | rule})
                    answer.raise_for_status()


def rows(server: ApiServer, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    usual = {"is_public": "none"} if "/flavors" in path else {}
    with server.client(version="2.100") as client:
        answer = client.get(path, params={**usual, **query})
    assert answer.status_code == 200, answer.text
    [found] = [value for key, value in answer.json().items() if isinstance(value, list) and not key.endswith("links")]
    return list(found)


def name_of(row: dict[str, Any]) -> str:
    return str(row.get("id", row.get("namespace")))


@pytest.mark.parametrize(("path", "key", "way"), CASES)
def test_a_sort_key_orders_the_list_and_its_pages(path: str, key: str, way: str, world: ApiServer) -> None:
    order = {"sort_key": key, "sort_dir": way}
    every = rows(world, path, {})

    whole = rows(world, path, order)

    assert sorted(map(name_of, whole)) == sorted(map(name_of, every))
    found = [row.get(_NAMES.get(key, key) if "/flavors" in path else key) for row in whole]
    places = [(value is None, "" if value is None else value) for value in found]
    assert places == sorted(places, reverse=way == "desc"), found
    assert (len(set(places)) > 1) != ((path, key) in ALIKE), "the test's world shows nothing of this key"
    assert _pages(world, path, order) == list(map(name_of, whole))


def _pages(server: ApiServer, path: str, order: dict[str, str]) -> list[str]:
    """The names of all things, a page of seven at a time."""
    found: list[str] = []
    while page := rows(server, path, {**order, "limit": "7", **({"marker": found[-1]} if found else {})}):
        found += map(name_of, page)
    return found


@pytest.mark.parametrize("path", OFFERED)
def test_an_unknown_key_or_direction_is_refused(path: str, world: ApiServer) -> None:
    key = OFFERED[path][0]
    with world.client(version="2.100") as client:
        for query in ({"sort_key": "colour"}, {"sort_key": key, "sort_dir": "up"}):
            assert client.get(path, params=query).status_code == 400, query


@pytest.mark.parametrize("path", ["/image/v2/metadefs/namespaces", "/image/v2/tasks", "/image/v2/images"])
def test_the_link_of_the_next_page_keeps_the_order(path: str, world: ApiServer) -> None:
    order = {"sort_key": "created_at", "sort_dir": "asc"}
    wanted = _pages(world, path, order)
    with world.client() as client:
        body = client.get(path, params={**order, "limit": "3"}).json()
        found: list[str] = []
        while True:
            [page] = [value for value in body.values() if isinstance(value, list)]
            found += map(name_of, page)
            if "next" not in body:
                break
            body = client.get(f"/image{body['next']}").json()

    assert found == wanted


def test_several_keys_order_one_after_the_other(world: ApiServer) -> None:
    path = "/compute/v2.1/flavors/detail"
    with world.client(version="2.100") as client:
        query = {"sort_key": ["vcpus", "memory_mb"], "sort_dir": ["asc", "desc"]}
        found = client.get(path, params=query).json()["flavors"]
        too_many = client.get(path, params={"sort_key": "name", "sort_dir": ["asc", "asc"]})

    places = [(each["vcpus"], -each["ram"]) for each in found]
    assert places == sorted(places)
    assert too_many.status_code == 400


@pytest.mark.parametrize("path", ["/image/v2/images", "/compute/v2.1/servers"])
def test_a_direction_alone_is_that_of_the_age(world: ApiServer, path: str) -> None:
    with world.client() as client:

        def ids(**query: str) -> list[str]:
            [rows] = [
                rows
                for rows in client.get(path, params=query).raise_for_status().json().values()
                if isinstance(rows, list)
            ]
            return [row["id"] for row in rows]

        for way in ("asc", "desc"):
            assert len(ids(sort_dir=way)) > 1
            assert ids(sort_dir=way) == ids(sort_key="created_at", sort_dir=way)
        assert ids(sort_dir="asc") != ids(sort_dir="desc")


@pytest.mark.parametrize(
    "query",
    ["sort_dir=up", "sort=name&sort_key=size", "sort=name&sort_dir=asc", "sort_key=name&sort_dir=asc&sort_dir=desc"],
)
def test_an_order_of_images_that_says_two_things_is_refused(world: ApiServer, query: str) -> None:
    with world.client() as client:
        answer = client.get(f"/image/v2/images?{query}")

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "image-sort")
