"""Each write of Placement's at each of its microversions: done, or refused with the command that does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busway.api import placement as api
from busway.api.microversion import PLACEMENT_MAXIMUM
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_placement import GPU, Placement, boot

NOBODY = "00000000-0000-4000-8000-00000000aaaa"
PROVIDER = "/resource_providers/{id}"
# What an operator may write: its tests are in test_placement.py.
DONE = {
    f"PUT {PROVIDER}/traits",
    f"DELETE {PROVIDER}/traits",
    "PUT /traits/{name}",
    "DELETE /traits/{name}",
}
_FREE = {"resource_provider_generation": 0}
_OF_VCPU = {"total": 99, "resource_provider_generation": 0}
_TAKEN: dict[str, Any] = {
    "allocations": {},
    "project_id": "p",
    "user_id": "u",
    "consumer_generation": None,
    "consumer_type": "X",
}
# Operation, path in the world, body, and words of the remedy.
REFUSED: list[tuple[str, str, Any, str]] = [
    ("POST /resource_providers", "", {"name": "x", "uuid": NOBODY}, "busway host create"),
    (f"PUT {PROVIDER}", "", {"name": "x"}, "the host and its devices"),
    (f"DELETE {PROVIDER}", "", None, "busway host delete host1"),
    (f"DELETE {PROVIDER}", "/resource_providers/{card}", None, "busway device-spec list"),
    (f"POST {PROVIDER}/inventories", "", {"resource_class": "VGPU", "total": 1}, "Hosts report"),
    (f"PUT {PROVIDER}/inventories", "", {**_FREE, "inventories": {}}, "device spec"),
    (f"DELETE {PROVIDER}/inventories", "", None, "Hosts report"),
    (f"PUT {PROVIDER}/inventories/{{class}}", f"{PROVIDER}/inventories/VCPU", _OF_VCPU, "cpu_allocation_ratio"),
    (f"DELETE {PROVIDER}/inventories/{{class}}", f"{PROVIDER}/inventories/VCPU", None, "Hosts report"),
    (f"PUT {PROVIDER}/aggregates", "", [NOBODY], "openstack aggregate add host"),
    ("POST /resource_classes", "", {"name": "CUSTOM_X"}, "busway device-spec create"),
    ("PUT /resource_classes/{name}", f"/resource_classes/{GPU}", {"name": "CUSTOM_X"}, "busway device-spec create"),
    ("PUT /resource_classes/{name}", "/resource_classes/CUSTOM_X", None, "busway device-spec create"),
    ("DELETE /resource_classes/{name}", f"/resource_classes/{GPU}", None, "device specs"),
    ("PUT /allocations/{id}", f"/allocations/{NOBODY}", _TAKEN, "migrate or delete the server"),
    ("DELETE /allocations/{id}", "/allocations/{server}", None, "migrate or delete the server"),
    ("POST /allocations", "", {NOBODY: _TAKEN}, "migrate or delete the server"),
    ("POST /reshaper", "", {"inventories": {}, "allocations": {}}, "migrate or delete the server"),
]
OPERATIONS = {
    f"{each.method} {each.path.removeprefix('/placement')}": each for each in api.OPERATIONS if each.method != "GET"
}


@pytest.fixture(scope="module")
def cloud(api_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, dict[str, str]]]:
    """A host with two GPUs, one of which a server has; and the ids of all."""
    server = start_api_server(tmp_path_factory.mktemp("writes"), api_template)
    try:
        host = server.host("host1", count=2)
        placement = Placement(server)
        ids = {"server": boot(server, host), "id": placement.provider("host1")["uuid"]}
        yield server, ids | {"card": placement.provider("host1_0000:41:00.0")["uuid"]}
    finally:
        server.stop()


def versions_of(name: str, path: str) -> list[int]:
    """The first microversion of an operation, the last, and those around which its answer or its request changed."""
    first = OPERATIONS[name].since
    if name.startswith("PUT /resource_classes"):
        return [2, 6] if path.endswith(GPU) else [7, PLACEMENT_MAXIMUM]
    return sorted({max(first, version) for version in (0, 7, 15, 19, 23, 28, PLACEMENT_MAXIMUM)})


@pytest.mark.parametrize(("name", "path", "body", "remedy"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_busway_computes_is_refused_at_each_microversion_with_the_way_to_do_it(
    cloud: tuple[ApiServer, dict[str, str]], name: str, path: str, body: Any, remedy: str
) -> None:
    server, ids = cloud
    method, _, usual = name.partition(" ")
    before = Placement(server).get("/resource_providers")

    for version in versions_of(name, path):
        placement = Placement(server, f"1.{version}")
        generation = placement.get(f"/resource_providers/{ids['id']}")["generation"]
        given = (
            {**body, "resource_provider_generation": generation}
            if body in (_OF_VCPU, {**_FREE, "inventories": {}})
            else body
        )
        answer = placement.ask(method, (path or usual).format(**ids), given)

        [error] = answer.json()["errors"]
        assert (answer.status_code, error["status"], error["title"]) == (409, 409, "Conflict"), (version, error)
        assert answer.headers["x-busway-error-code"] == "resource-provider-computed"
        assert "What to do: " in error["detail"] and remedy in error["detail"], (version, error)
        assert error["code"] == "placement.undefined_code"
    assert Placement(server).get("/resource_providers") == before


def test_every_write_is_done_or_refused() -> None:
    refused = {name for name, *_ in REFUSED}

    assert {*OPERATIONS} == refused | DONE


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("DELETE", f"/allocations/{NOBODY}", "allocations-not-found"),
        ("DELETE", f"{PROVIDER}/inventories/SRIOV_NET_VF", "inventory-not-found"),
        ("DELETE", f"/resource_providers/{NOBODY}", "resource-provider-not-found"),
        ("DELETE", "/resource_classes/CUSTOM_X", "resource-class-unknown"),
        ("DELETE", "/traits/CUSTOM_X", "trait-unknown"),
    ],
)
def test_what_is_not_there_is_not_found(
    cloud: tuple[ApiServer, dict[str, str]], method: str, path: str, code: str
) -> None:
    server, ids = cloud

    answer = Placement(server).ask(method, path.format(**ids))

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (404, code)
