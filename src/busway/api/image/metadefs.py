"""Namespaces of metadata definitions, and the types of resources that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.image.metadef_answers import (
    ASSOCIATION,
    ASSOCIATIONS,
    DESCRIPTION,
    NAME,
    NAMESPACE,
    NAMESPACES,
    PROPERTY_FIELDS,
    RESOURCE_TYPES,
)
from busway.api.image.metadef_parts import OBJECT_FIELDS, object_body, object_of, stamped, tag_body
from busway.api.microversion import MINIMUM
from busway.api.operation import Operation
from busway.api.schema import BOOLEAN, PAGE, WORD, Definition, Schema, as_bool, closed
from busway.control.images import metadefs
from busway.domain import metadef
from busway.domain.errors import BadInput, NotFound
from busway.domain.metadef import MOST_PARTS, Namespace, PartKind

ROOT = "/image/v2/metadefs/namespaces"
ONE = f"{ROOT}/{{namespace}}"
_TYPES_OF_ONE = f"{ONE}/resource_types"
_LIMIT, _MOST = 25, 1000
_SORT_KEYS = ("namespace", "created_at", "updated_at")
_FIELDS: dict[str, Any] = {
    "namespace": NAME,
    "display_name": {"type": ["string", "null"], "maxLength": 80},
    "description": DESCRIPTION,
    "visibility": {"type": "string", "enum": ["public", "private"]},
    "protected": BOOLEAN,
    "owner": {"type": "string", "minLength": 1, "maxLength": 64},
}
_ASSOCIATION: dict[str, Any] = closed({"name": NAME, "prefix": NAME, "properties_target": NAME}, "name")
_PARTS: dict[str, Any] = {
    "resource_type_associations": {"type": "array", "maxItems": MOST_PARTS, "items": _ASSOCIATION},
    "properties": {
        "type": "object",
        "maxProperties": MOST_PARTS,
        "additionalProperties": closed(PROPERTY_FIELDS, "title", "type"),
    },
    "objects": {"type": "array", "maxItems": MOST_PARTS, "items": closed(OBJECT_FIELDS, "name")},
    "tags": {"type": "array", "maxItems": MOST_PARTS, "items": closed({"name": NAME}, "name")},
}
# Horizon sends a namespace back as it was shown.
_SHOWN = {name: {"type": "string"} for name in ("self", "schema", "created_at", "updated_at")}
_CREATE = Schema(closed({**_FIELDS, **_PARTS, **_SHOWN}, "namespace"))
_UPDATE = Schema(closed({**_FIELDS, **_SHOWN}, "namespace"))
QUERY: Definition = {
    **PAGE,
    "visibility": {"type": "string", "enum": ["public", "private"]},
    "resource_types": WORD,
    "sort_key": {"type": "string", "enum": list(_SORT_KEYS)},
    "sort_dir": {"type": "string", "enum": ["asc", "desc"]},
}


def _association(name: str, made: Mapping[str, Any]) -> dict[str, object]:
    return {"name": name, **made}


def _brief(namespace: Namespace) -> dict[str, object]:
    types = namespace.parts[PartKind.RESOURCE_TYPES]
    return {
        "namespace": namespace.name,
        "display_name": namespace.display_name,
        "description": namespace.description,
        "visibility": namespace.visibility,
        "protected": namespace.protected,
        "owner": namespace.owner,
        "created_at": nova_time(namespace.created),
        "updated_at": nova_time(namespace.updated),
        "self": f"/v2/metadefs/namespaces/{namespace.name}",
        "schema": "/v2/schemas/metadefs/namespace",
        "resource_type_associations": [_association(name, made) for name, made in sorted(types.items())],
    }


def _full(namespace: Namespace, prefix: str = "") -> dict[str, object]:
    parts = namespace.parts
    return {
        **_brief(namespace),
        "properties": {f"{prefix}{name}": made for name, made in parts[PartKind.PROPERTIES].items()},
        "objects": [object_body(namespace.name, name, made) for name, made in parts[PartKind.OBJECTS].items()],
        "tags": [tag_body(name, made) for name, made in parts[PartKind.TAGS].items()],
    }


def _list(call: Call) -> Reply:
    found = _ordered(call, _filtered(call, metadefs.list_namespaces(call.control, call.caller)))
    limit = call.number("limit")
    most = _LIMIT if limit is None else min(limit, _MOST)
    page = _after(found, call.text("marker"))[:most]
    body: dict[str, object] = {
        "namespaces": [_brief(each) for each in page],
        "first": "/v2/metadefs/namespaces",
        "schema": "/v2/schemas/metadefs/namespaces",
    }
    if page and page[-1] is not found[-1]:
        kept = {name: word for name in QUERY if (word := call.text(name)) is not None}
        kept |= {"marker": page[-1].name, "limit": str(most)}
        body["next"] = f"/v2/metadefs/namespaces?{urlencode(kept)}"
    return Reply(body)


def _filtered(call: Call, found: list[Namespace]) -> list[Namespace]:
    visibility, types = call.text("visibility"), call.text("resource_types")
    if visibility not in (None, "public", "private"):
        raise BadInput(
            f"Invalid visibility '{visibility}'", detail="There are public and private.", code="metadef-query"
        )
    wanted = set(types.split(",")) if types else None
    return [
        each
        for each in found
        if visibility in (None, each.visibility)
        and (wanted is None or wanted & set(each.parts[PartKind.RESOURCE_TYPES]))
    ]


def _ordered(call: Call, found: list[Namespace]) -> list[Namespace]:
    key, direction = call.text("sort_key") or "created_at", call.text("sort_dir") or "desc"
    if key not in _SORT_KEYS or direction not in ("asc", "desc"):
        raise BadInput(
            f"Unknown sort {key}:{direction}", detail=f"Keys: {', '.join(_SORT_KEYS)}.", code="metadef-query"
        )
    fields = {"namespace": "name", "created_at": "created", "updated_at": "updated"}
    return sorted(found, key=lambda each: (getattr(each, fields[key]), each.name), reverse=direction == "desc")


def _after(found: list[Namespace], marker: str | None) -> list[Namespace]:
    if marker is None:
        return found
    places = [place for place, each in enumerate(found) if each.name == marker]
    if not places:
        raise BadInput(f"There is no namespace {marker} to continue from", code="unknown-marker")
    return found[places[0] + 1 :]


def _create(call: Call) -> Reply:
    now, given = call.control.now(), call.body
    made = Namespace(
        name=given["namespace"],
        owner=given.get("owner", call.caller.project_id),
        created=now,
        updated=now,
        display_name=given.get("display_name"),
        description=given.get("description"),
        visibility=given.get("visibility", "private"),
        protected=as_bool(given.get("protected", False), "protected"),
        parts={
            PartKind.RESOURCE_TYPES: {
                each["name"]: stamped(call, _target(each)) for each in given.get("resource_type_associations", ())
            },
            PartKind.PROPERTIES: given.get("properties", {}),
            PartKind.OBJECTS: {each["name"]: stamped(call, object_of(each)) for each in given.get("objects", ())},
            PartKind.TAGS: {each["name"]: stamped(call, {}) for each in given.get("tags", ())},
        },
    )
    made = metadefs.create_namespace(call.control, call.caller, made)
    return Reply(_full(made), 201, {"Location": call.url(f"{ROOT}/{made.name}")})


def _target(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("prefix", "properties_target") if name in given}


def _show(call: Call) -> Reply:
    """With `resource_type` properties have the prefix that they have there."""
    found = metadefs.get_namespace(call.control, call.caller, call.path["namespace"])
    kind = call.text("resource_type")
    if kind is None:
        return Reply(_full(found))
    association = found.part(PartKind.RESOURCE_TYPES, kind)
    if association is None:
        raise NotFound(f"Namespace {found.name} is not for {kind}", code="metadef-not-found")
    return Reply(_full(found, association.get("prefix", "")))


def _change(call: Call) -> Reply:
    given = call.body
    changes = {
        "name": given["namespace"],
        "display_name": given.get("display_name"),
        "description": given.get("description"),
        "visibility": given.get("visibility", "private"),
        "protected": as_bool(given.get("protected", False), "protected"),
        **({"owner": given["owner"]} if "owner" in given else {}),
    }
    return Reply(_brief(metadefs.change_namespace(call.control, call.caller, call.path["namespace"], changes)))


def _delete(call: Call) -> Reply:
    metadefs.delete_namespace(call.control, call.caller, call.path["namespace"])
    return NO_CONTENT


def _resource_types(call: Call) -> Reply:
    """Lists the resource types: the built-in ones, and those that a namespace names."""
    found = metadefs.list_namespaces(call.control, call.caller)
    seen = dict.fromkeys(metadef.RESOURCE_TYPES, "2026-01-01T00:00:00Z")
    for each in found:
        for name in each.parts[PartKind.RESOURCE_TYPES]:
            seen.setdefault(name, nova_time(each.created))
    types = [{"name": name, "created_at": time, "updated_at": time} for name, time in sorted(seen.items())]
    return Reply({"resource_types": types})


def _associations(call: Call) -> Reply:
    rule = "get_metadef_resource_type"
    found = metadefs.get_namespace(call.control, call.caller, call.path["namespace"], rule)
    types = found.parts[PartKind.RESOURCE_TYPES]
    return Reply({"resource_type_associations": [_association(name, made) for name, made in sorted(types.items())]})


def _associate(call: Call) -> Reply:
    name, made = call.body["name"], stamped(call, _target(call.body))
    rule = "add_metadef_resource_type_association"
    metadefs.add_part(call.control, call.caller, call.path["namespace"], PartKind.RESOURCE_TYPES, name, made, rule)
    return Reply(_association(name, made), 201)


def _dissociate(call: Call) -> Reply:
    rule = "remove_metadef_resource_type_association"
    metadefs.delete_part(
        call.control, call.caller, call.path["namespace"], PartKind.RESOURCE_TYPES, call.path["type"], rule
    )
    return NO_CONTENT


OPERATIONS = (
    Operation("GET", ROOT, _list, query=QUERY, strict=MINIMUM, rule="get_metadef_namespaces", answer=NAMESPACES),
    Operation("POST", ROOT, _create, _CREATE, rule="add_metadef_namespace", answer=NAMESPACE),
    Operation("GET", ONE, _show, query={"resource_type": WORD}, rule="get_metadef_namespace", answer=NAMESPACE),
    Operation("PUT", ONE, _change, _UPDATE, rule="modify_metadef_namespace", answer=NAMESPACE),
    Operation("DELETE", ONE, _delete, rule="delete_metadef_namespace"),
    Operation(
        "GET",
        "/image/v2/metadefs/resource_types",
        _resource_types,
        strict=MINIMUM,
        rule="list_metadef_resource_types",
        answer=RESOURCE_TYPES,
    ),
    Operation(
        "GET", _TYPES_OF_ONE, _associations, strict=MINIMUM, rule="get_metadef_resource_type", answer=ASSOCIATIONS
    ),
    Operation(
        "POST",
        _TYPES_OF_ONE,
        _associate,
        Schema(_ASSOCIATION),
        rule="add_metadef_resource_type_association",
        answer=ASSOCIATION,
    ),
    Operation("DELETE", f"{_TYPES_OF_ONE}/{{type}}", _dissociate, rule="remove_metadef_resource_type_association"),
)
