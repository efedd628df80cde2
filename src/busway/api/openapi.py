"""The OpenAPI 3.1 document of all operations, made from the tables and schemas that serve them.

A body whose schema changed between microversions is a choice of all of them, each with the range in which it holds
(`x-openstack`, as OpenStack's own documents have it); a document of one microversion has that one's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from busway.api import compute, identity, image, network, own, placement
from busway.api.answer import at, versions
from busway.api.bounds import PATH_SEGMENT_CHARS
from busway.api.microversion import COMPUTE, HEADER, MAXIMUM, PLACEMENT, Versioned
from busway.api.operation import Operation
from busway.api.schema import Schema

Json = dict[str, Any]
PATH = "/openapi.json"
SERVICES: Mapping[str, tuple[Operation, ...]] = {
    "identity": identity.OPERATIONS,
    "compute": compute.OPERATIONS,
    "image": image.OPERATIONS,
    "network": network.OPERATIONS,
    "placement": placement.OPERATIONS,
    "busway": own.OPERATIONS,
}
_VERSIONED: Mapping[str, Versioned] = {each.word: each for each in (COMPUTE, PLACEMENT)}
_PARAMETER = re.compile(r"{([a-z_]+)(?::path)?}")
_FAULT: Json = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {"type": "object", "required": ["code", "message"]},
}
_ERRORS: Mapping[str, Json] = {
    "identity": {"type": "object", "required": ["error"]},
    "compute": _FAULT,
    "network": {"type": "object", "required": ["NeutronError"]},
    "placement": {"type": "object", "required": ["errors"]},
    "busway": {"type": "object", "required": ["error"]},
}


@cache
def text() -> bytes:
    """The whole document as it is served, and checked in as docs/reference/openapi.json."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=1) + b"\n"


def document(version: int | None = None) -> Json:
    """The document of all microversions, or of one of compute's and the newest of Placement's."""
    paths: dict[str, Json] = {}
    schemas: Json = {f"{service}-error": schema for service, schema in _ERRORS.items()}
    for service, operations in SERVICES.items():
        for each in operations:
            one = PLACEMENT.maximum if version is not None and service == PLACEMENT.word else version
            if one is None or each.since <= one <= each.until:
                path = _PARAMETER.sub(r"{\1}", each.path)
                paths.setdefault(path, {})[each.method.lower()] = _operation(service, each, one, schemas)
    _link(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Busway", "version": f"2.{version or MAXIMUM}", "license": {"name": "Apache-2.0"}},
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
            "schemas": dict(sorted(schemas.items())),
        },
        "security": [{"token": []}],
    }


def _operation(service: str, operation: Operation, version: int | None, schemas: Json) -> Json:
    done = _answer(service, operation, version, schemas)
    made: Json = {
        "operationId": _name(operation),
        "tags": [service],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(service, operation, version),
            *_headers(service, version),
        ],
        "responses": {
            "2XX": {"description": "Done", **done},
            "3XX": {"description": "A choice"},
            "default": _error(service),
        },
    }
    if operation.public:
        made["security"] = []
    if service in _VERSIONED:
        made["x-openstack"] = versions(operation.since, operation.until, _VERSIONED[service])
    shown = operation.shown_body or operation.body
    if shown is not None:
        made["requestBody"] = {
            "required": True,
            "content": {operation.media_type: {"schema": _body(service, shown, version)}},
        }
    return made


def _name(operation: Operation) -> str:
    """One name per operation: its method and the words of its path."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", _PARAMETER.sub(r"\1", operation.path)).strip("_")
    return f"{operation.method.lower()}_{words}"


def _path_parameters(path: str) -> list[Json]:
    schema = {"type": "string", "minLength": 1, "maxLength": PATH_SEGMENT_CHARS}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in _PARAMETER.findall(path)]


def _query_parameters(service: str, operation: Operation, version: int | None) -> list[Json]:
    found = []
    for name, schema in operation.query.items():
        since = operation.query_since.get(name, operation.since)
        if version is None or since <= version:
            found.append({"name": name, "in": "query", "schema": dict(schema)})
            if version is None and since > operation.since:
                found[-1]["x-openstack"] = versions(since, operation.until, _VERSIONED[service])
    return found


def _headers(service: str, version: int | None) -> list[Json]:
    if service not in _VERSIONED:
        return []
    major = _VERSIONED[service].major
    schema: Json = {"type": "string", "pattern": rf"^{service} (latest|{major}\.[0-9]{{1,3}})$"}
    if version is not None:
        schema = {"type": "string", "enum": [f"{service} {_VERSIONED[service].shown(version)}"]}
    return [{"name": HEADER, "in": "header", "required": version is not None, "schema": schema}]


def _body(service: str, body: Schema | Mapping[int, Schema], version: int | None) -> Json:
    if isinstance(body, Schema):
        return dict(body.definition)
    starts = sorted(body)
    if version is not None:
        return dict(body[max(since for since in starts if since <= version)].definition)
    versioned = _VERSIONED.get(service, COMPUTE)
    ends = [*(since - 1 for since in starts[1:]), versioned.maximum]
    return {
        "anyOf": [
            {**body[since].definition, "x-openstack": versions(since, end, versioned)}
            for since, end in zip(starts, ends, strict=True)
        ]
    }


def _answer(service: str, operation: Operation, version: int | None, schemas: Json) -> Json:
    if operation.answer is None:
        return {}
    schema = _shared(service, at(operation.answer, version, _VERSIONED.get(service, COMPUTE)), schemas)
    return {"content": {operation.answer_type: {"schema": schema}}}


def _shared(service: str, value: Any, schemas: Json) -> Any:
    """Moves each schema with a title to the shared ones, and refers to it by its name."""
    if isinstance(value, list):
        return [_shared(service, each, schemas) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _shared(service, each, schemas) for name, each in value.items() if name != "properties"}
    if "properties" in value:
        made["properties"] = {name: _shared(service, each, schemas) for name, each in value["properties"].items()}
    title = made.get("title")
    if not isinstance(title, str):
        return made
    limits = {"x-openstack": made.pop("x-openstack")} if "x-openstack" in made else {}
    name = f"{service}-{title}"
    if schemas.setdefault(name, made) != made:
        raise ValueError(f"Two different schemas of {service} have the name {title}")
    return {"$ref": f"#/components/schemas/{name}", **limits}


def _error(service: str) -> Json:
    if service not in _ERRORS:
        return {"description": "An error, shown as a page", "content": {"text/html": {"schema": {"type": "string"}}}}
    schema = {"$ref": f"#/components/schemas/{service}-error"}
    return {"description": "An error", "content": {"application/json": {"schema": schema}}}


def _link(paths: Mapping[str, Json]) -> None:
    """Links from the operation that creates a resource to the operations on it: the id in the answer is the parameter of the path below."""
    for path, methods in paths.items():
        made = methods.get("post")
        body = made.get("requestBody", {}).get("content", {}).get("application/json", {}) if made else {}
        links = dict(_links(path, _wrapper(body.get("schema", {})), paths))
        if made is not None and links:
            made["responses"]["2XX"]["links"] = links


def _wrapper(schema: Json) -> str | None:
    """The key that a body is wrapped in, "" for one that is not, None for one that makes nothing."""
    choices = schema.get("anyOf", [schema])
    required = choices[-1].get("required", [])
    if choices[-1].get("type") != "object":
        return None
    if len(required) != 1 or choices[-1].get("properties", {}).get(required[0], {}).get("type") != "object":
        return ""
    return str(required[0])


def _links(path: str, wrapper: str | None, paths: Mapping[str, Json]) -> Iterable[tuple[str, Json]]:
    for below, methods in paths.items():
        match = re.match(re.escape(path) + r"/{(id|name)}(/|$)", below)
        if wrapper is None or match is None or len(_PARAMETER.findall(below)) != 1:
            continue
        source = f"$response.body#/{wrapper}/{match[1]}" if wrapper else f"$response.body#/{match[1]}"
        for method, each in methods.items():
            if method != "parameters":
                yield each["operationId"], {"operationId": each["operationId"], "parameters": {match[1]: source}}
