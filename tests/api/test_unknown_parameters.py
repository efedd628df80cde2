"""Parameters of a query that an operation does not have are refused: by compute from Nova's microversions on."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.api import compute, identity, image, own, placement
from busway.api.microversion import COMPUTE
from busway.api.operation import Operation
from tests.api.serving import ApiServer, start_api_server

API = "/compute/v2.1"
NEWEST = [each for each in compute.OPERATIONS if each.until == COMPUTE.maximum]
OWN = ("own", "own_audit", "own_devices", "own_quotas", "own_rules", "own_usage")
READERS = {"text", "flag", "number", "get", "getlist"}


@pytest.fixture(scope="module")
def world(api_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    server = start_api_server(tmp_path_factory.mktemp("parameters"), api_template)
    yield server
    server.stop()


def path_of(operation: Operation) -> str:
    return re.sub(r"{[a-z_]+(:path)?}", "1", operation.path)


@pytest.mark.parametrize("operation", NEWEST, ids=lambda each: f"{each.method} {each.path}")
def test_every_operation_refuses_what_it_does_not_know(world: ApiServer, operation: Operation) -> None:
    with world.client(version="2.102") as client:
        answer = client.request(operation.method, path_of(operation), params={"colour": "red"})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "unknown-query")
    assert "colour" in answer.text and "What to do: Leave it out" in answer.text


def test_every_operation_takes_the_parameters_that_it_names(world: ApiServer) -> None:
    with world.client(version=COMPUTE.shown(COMPUTE.maximum)) as client:
        for each in NEWEST:
            for name in each.query:
                answer = client.request(each.method, path_of(each), params={name: "1"})
                assert answer.headers.get("x-busway-error-code") != "unknown-query", (
                    each.path,
                    name,
                )


@pytest.mark.parametrize(
    ("path", "first"),
    [("/flavors", 75), ("/servers/detail", 75), ("/limits", 75), ("/flavors/1", 102), ("/os-aggregates", 102)],
)
def test_a_list_refuses_them_earlier_as_in_nova(world: ApiServer, path: str, first: int) -> None:
    def status(version: int) -> int:
        with world.client(version=f"2.{version}") as client:
            return client.get(f"{API}{path}", params={"colour": "red"}).status_code

    assert (status(first - 1), status(first)) == (200, 400)


@pytest.mark.parametrize(
    "path",
    [
        "/image/v2/images/{image}/members",
        "/image/v2/images/{image}/tasks",
        "/image/v2/metadefs/namespaces",
        "/image/v2/metadefs/resource_types",
        "/image/v2/tasks",
        "/placement/resource_classes",
        "/placement/traits",
        *(each.path for each in own.OPERATIONS if each.method == "GET"),
    ],
)
def test_a_list_of_other_services_and_all_of_busway_itself_refuse_them(world: ApiServer, path: str) -> None:
    with world.client() as client:
        client.headers["OpenStack-API-Version"] = "placement 1.39"
        image = world.image() if "{image}" in path else ""
        answer = client.get(re.sub(r"{[a-z_]+(:path)?}", "1", path.replace("{image}", image)), params={"colour": "red"})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "unknown-query")


def test_who_is_not_let_in_learns_nothing_of_parameters(world: ApiServer) -> None:
    with world.client("nobody", "2.104") as client:
        assert client.get(f"{API}/servers", params={"colour": "red"}).status_code == 401


def test_every_parameter_that_is_read_is_named() -> None:
    """What a module reads of a query is among the parameters of its operations."""
    unnamed = []
    packages = (compute, identity, image, placement)
    inner = [f"{each.__name__}.{found.name}" for each in packages for found in pkgutil.iter_modules(each.__path__)]
    for path in [*inner, *(f"busway.api.{name}" for name in OWN)]:
        module = importlib.import_module(path)
        named = {name for each in getattr(module, "OPERATIONS", ()) for name in each.query}
        named |= getattr(module, "QUERY", {}).keys() | getattr(module, "IN_DOMAIN", {}).keys()
        named |= {"limit", "marker", "changes-since", "changes-before"}
        unnamed += [(path, name) for name in _read(inspect.getsource(module)) if name not in named]

    assert unnamed == []


def _read(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
            owner = ast.unparse(node.func.value)
            first = node.args[0] if node.args else None
            if owner in ("call", "call.query") and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
