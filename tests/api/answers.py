"""Whether an answer is what the document of the operations says: its body against the schema of its operation."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from re import Pattern

import httpx
from starlette.datastructures import Headers
from starlette.routing import compile_path

from busway.api import openapi
from busway.api.answer import NOTHING, at
from busway.api.microversion import COMPUTE, versioned
from busway.api.middleware import spelled
from busway.api.operation import Operation
from busway.api.schema import Schema
from busway.domain.errors import BuswayError
from tests.api.recorded import record


def check_answer(response: httpx.Response) -> None:
    """A hook of httpx: fails where the body of a success is not what its operation declares."""
    if response.status_code < 400:
        response.read()
        for each in (response, *record(response)):
            told = breach(each.request.method, each.request.url.path, each.headers, each.content)
            assert not told, f"{each.request.method} {each.request.url}: {told}\n{each.text[:2000]}"


def breach(method: str, path: str, headers: Mapping[str, str], content: bytes) -> str:
    """What is wrong with the body of a success, "" for nothing."""
    operation = _find(method, spelled(path))
    if operation is None or operation.answer_type != "application/json":
        return ""
    version = (versioned(operation.path) or COMPUTE).requested(Headers(headers))
    try:
        _schema(operation.method, operation.path, version).check(json.loads(content) if content else None)
    except BuswayError as error:
        return error.brief
    return ""


def without_schema() -> list[str]:
    """The operations whose handler may answer with a body that has no schema."""
    return [f"{each.method} {each.path}" for each in _operations() if each.answer is None and _may_tell(each)]


def _may_tell(operation: Operation) -> bool:
    """True unless all that the handler returns is an answer without a body."""
    if operation.handler is None:
        return operation.method == "GET"
    tree = ast.parse(textwrap.dedent(inspect.getsource(operation.handler)))
    return not all(_is_empty(node.value) for node in _inside(tree.body[0]) if isinstance(node, ast.Return))


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """All of a function but the functions in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child
            yield from _inside(child)


def _is_empty(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Name):
        return value.id in ("NO_CONTENT", "ACCEPTED")
    is_reply = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Reply"
    if not is_reply:
        return False
    assert isinstance(value, ast.Call)
    first = value.args[0] if value.args else ast.Constant(None)
    return isinstance(first, ast.Constant) and first.value is None


@cache
def _schema(method: str, path: str, version: int) -> Schema:
    [operation] = [each for each in _operations() if (each.method, each.path) == (method, path)]
    return Schema(at(operation.answer or NOTHING, version, versioned(path) or COMPUTE))


def _operations() -> list[Operation]:
    return [each for table in openapi.SERVICES.values() for each in table]


@cache
def _routes() -> list[tuple[str, Pattern[str], Operation]]:
    return [(each.method, compile_path(each.path)[0], each) for each in _operations()]


def _find(method: str, path: str) -> Operation | None:
    for wanted, pattern, operation in _routes():
        if wanted == method and pattern.match(path):
            return operation
    return None
