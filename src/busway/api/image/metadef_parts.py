"""What is in a namespace of metadata definitions: properties, objects and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import nova_time
from busway.api.image.metadef_answers import (
    DESCRIPTION,
    LONG_NAME,
    NAME,
    NEW_TAGS,
    OBJECT,
    OBJECTS,
    PROPERTIES,
    PROPERTY,
    PROPERTY_FIELDS,
    TAG,
    TAGS,
)
from busway.api.microversion import MINIMUM
from busway.api.operation import Operation
from busway.api.schema import PAGE, WORD, Schema, as_bool, closed
from busway.control.images import metadefs
from busway.domain.errors import BadInput, NotFound
from busway.domain.metadef import MOST_PARTS, PartKind

_ONE = "/image/v2/metadefs/namespaces/{namespace}"
OBJECT_FIELDS: dict[str, Any] = {
    "name": LONG_NAME,
    "description": DESCRIPTION,
    "required": {"type": "array", "maxItems": MOST_PARTS, "items": LONG_NAME},
    "properties": {
        "type": "object",
        "maxProperties": MOST_PARTS,
        "additionalProperties": closed(PROPERTY_FIELDS, "title", "type"),
    },
}
_SHOWN = {name: {"type": "string"} for name in ("self", "schema", "created_at", "updated_at")}
_OBJECT = Schema(closed({**OBJECT_FIELDS, **_SHOWN}, "name"))
_PROPERTY = Schema(closed({"name": LONG_NAME, **PROPERTY_FIELDS}, "name", "title", "type"))
_TAG = Schema(closed({"name": NAME, **_SHOWN}, "name"))
_TAGS = Schema(
    closed({"tags": {"type": "array", "maxItems": MOST_PARTS, "items": closed({"name": NAME}, "name")}}, "tags")
)


def stamped(call: Call, made: Mapping[str, Any]) -> dict[str, Any]:
    """A definition with the time at which it is written."""
    now = nova_time(call.control.now())
    return {**made, "created_at": now, "updated_at": now}


def object_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it is kept."""
    return {
        "description": given.get("description"),
        "required": given.get("required", []),
        "properties": given.get("properties", {}),
    }


def object_body(namespace: str, name: str, made: Mapping[str, Any]) -> dict[str, object]:
    """An object as it is shown."""
    place = f"/v2/metadefs/namespaces/{namespace}/objects/{name}"
    return {"name": name, **made, "self": place, "schema": "/v2/schemas/metadefs/object"}


def tag_body(name: str, made: Mapping[str, Any]) -> dict[str, object]:
    """A tag as it is shown."""
    return {"name": name, **made}


def _parts(call: Call, kind: PartKind, rule: str) -> Mapping[str, Mapping[str, Any]]:
    return metadefs.get_namespace(call.control, call.caller, call.path["namespace"], rule).parts[kind]


def _page(call: Call, names: Sequence[str]) -> list[str]:
    ordered, marker, limit = sorted(names), call.text("marker"), call.number("limit")
    if marker is not None:
        if marker not in ordered:
            raise BadInput(f"There is no '{marker}' to continue from", code="unknown-marker")
        ordered = ordered[ordered.index(marker) + 1 :]
    return ordered if limit is None else ordered[:limit]


def _show(call: Call, kind: PartKind, rule: str) -> Mapping[str, Any]:
    return metadefs.get_part(call.control, call.caller, call.path["namespace"], kind, call.path["part"], rule)


def _add(call: Call, kind: PartKind, name: str, made: Mapping[str, Any], rule: str) -> Mapping[str, Any]:
    return metadefs.add_part(call.control, call.caller, call.path["namespace"], kind, name, made, rule)


def _change(call: Call, kind: PartKind, made: Mapping[str, Any], rule: str) -> Mapping[str, Any]:
    place, old, new = call.path["namespace"], call.path["part"], call.body["name"]
    return metadefs.change_part(call.control, call.caller, place, kind, old, new, made, rule)


def _delete(call: Call, kind: PartKind, rule: str) -> None:
    metadefs.delete_part(call.control, call.caller, call.path["namespace"], kind, call.path["part"], rule)


def _clear(call: Call, kind: PartKind, rule: str) -> None:
    metadefs.replace_parts(call.control, call.caller, call.path["namespace"], kind, {}, rule, keep=False)


def _properties(call: Call) -> Reply:
    found = _parts(call, PartKind.PROPERTIES, "get_metadef_properties")
    return Reply({"properties": {name: {"name": name, **made} for name, made in sorted(found.items())}})


def _property_of(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.body.items() if name != "name"}


def _add_property(call: Call) -> Reply:
    name = call.body["name"]
    made = _add(call, PartKind.PROPERTIES, name, _property_of(call), "add_metadef_property")
    return Reply({"name": name, **made}, 201)


def _property(call: Call) -> Reply:
    """With `resource_type` the property has the prefix there, in its path too, as in Glance."""
    rule, name, kind = "get_metadef_property", call.path["part"], call.text("resource_type")
    prefix = ""
    if kind is not None:
        association = metadefs.get_part(
            call.control, call.caller, call.path["namespace"], PartKind.RESOURCE_TYPES, kind, rule
        )
        prefix = association.get("prefix") or ""
        if not name.startswith(prefix):
            raise NotFound(
                f"Property {name} does not start with the expected resource type association prefix of '{prefix}'.",
                code="metadef-not-found",
            )
    known = name.removeprefix(prefix)
    made = metadefs.get_part(call.control, call.caller, call.path["namespace"], PartKind.PROPERTIES, known, rule)
    return Reply({"name": f"{prefix}{known}", **made})


def _change_property(call: Call) -> Reply:
    made = _change(call, PartKind.PROPERTIES, _property_of(call), "modify_metadef_property")
    return Reply({"name": call.body["name"], **made})


def _delete_property(call: Call) -> Reply:
    _delete(call, PartKind.PROPERTIES, "remove_metadef_property")
    return NO_CONTENT


def _clear_properties(call: Call) -> Reply:
    _clear(call, PartKind.PROPERTIES, "remove_metadef_property")
    return NO_CONTENT


def _objects(call: Call) -> Reply:
    found, place = _parts(call, PartKind.OBJECTS, "get_metadef_objects"), call.path["namespace"]
    shown = [object_body(place, name, found[name]) for name in _page(call, list(found))]
    return Reply({"objects": shown, "schema": "/v2/schemas/metadefs/objects"})


def _add_object(call: Call) -> Reply:
    name, made = call.body["name"], stamped(call, object_of(call.body))
    _add(call, PartKind.OBJECTS, name, made, "add_metadef_object")
    return Reply(object_body(call.path["namespace"], name, made), 201)


def _object(call: Call) -> Reply:
    made = _show(call, PartKind.OBJECTS, "get_metadef_object")
    return Reply(object_body(call.path["namespace"], call.path["part"], made))


def _change_object(call: Call) -> Reply:
    made = _change(call, PartKind.OBJECTS, stamped(call, object_of(call.body)), "modify_metadef_object")
    return Reply(object_body(call.path["namespace"], call.body["name"], made))


def _delete_object(call: Call) -> Reply:
    _delete(call, PartKind.OBJECTS, "delete_metadef_object")
    return NO_CONTENT


def _clear_objects(call: Call) -> Reply:
    _clear(call, PartKind.OBJECTS, "delete_metadef_object")
    return NO_CONTENT


def _tags(call: Call) -> Reply:
    found = _parts(call, PartKind.TAGS, "get_metadef_tags")
    shown = [tag_body(name, found[name]) for name in _page(call, list(found))]
    return Reply({"tags": shown, "schema": "/v2/schemas/metadefs/tags"})


def _set_tags(call: Call) -> Reply:
    """Replaces all; with the header X-Openstack-Append they come to those that there are."""
    names = list(dict.fromkeys(each["name"] for each in call.body["tags"]))
    keep = as_bool(call.headers.get("x-openstack-append", "false"), "X-Openstack-Append")
    made = {name: stamped(call, {}) for name in names}
    place = call.path["namespace"]
    metadefs.replace_parts(call.control, call.caller, place, PartKind.TAGS, made, "add_metadef_tags", keep=keep)
    return Reply({"tags": [{"name": name} for name in names]}, 201)


def _add_tag(call: Call) -> Reply:
    name = call.path["part"]
    if len(name) > NAME["maxLength"]:
        raise BadInput(f"A tag may have {NAME['maxLength']} characters; this has {len(name)}", code="invalid-body")
    return Reply(tag_body(name, _add(call, PartKind.TAGS, name, stamped(call, {}), "add_metadef_tag")), 201)


def _tag(call: Call) -> Reply:
    return Reply(tag_body(call.path["part"], _show(call, PartKind.TAGS, "get_metadef_tag")))


def _change_tag(call: Call) -> Reply:
    return Reply(tag_body(call.body["name"], _change(call, PartKind.TAGS, stamped(call, {}), "modify_metadef_tag")))


def _delete_tag(call: Call) -> Reply:
    _delete(call, PartKind.TAGS, "delete_metadef_tag")
    return NO_CONTENT


def _clear_tags(call: Call) -> Reply:
    _clear(call, PartKind.TAGS, "delete_metadef_tags")
    return NO_CONTENT


_P, _O, _T = (f"{_ONE}/{word}" for word in ("properties", "objects", "tags"))
OPERATIONS = (
    Operation("GET", _P, _properties, strict=MINIMUM, rule="get_metadef_properties", answer=PROPERTIES),
    Operation("POST", _P, _add_property, _PROPERTY, rule="add_metadef_property", answer=PROPERTY),
    Operation("DELETE", _P, _clear_properties, rule="remove_metadef_property"),
    Operation(
        "GET",
        f"{_P}/{{part}}",
        _property,
        query={"resource_type": WORD},
        rule="get_metadef_property",
        answer=PROPERTY,
    ),
    Operation("PUT", f"{_P}/{{part}}", _change_property, _PROPERTY, rule="modify_metadef_property", answer=PROPERTY),
    Operation("DELETE", f"{_P}/{{part}}", _delete_property, rule="remove_metadef_property"),
    Operation("GET", _O, _objects, query=PAGE, strict=MINIMUM, rule="get_metadef_objects", answer=OBJECTS),
    Operation("POST", _O, _add_object, _OBJECT, rule="add_metadef_object", answer=OBJECT),
    Operation("DELETE", _O, _clear_objects, rule="delete_metadef_object"),
    Operation("GET", f"{_O}/{{part}}", _object, rule="get_metadef_object", answer=OBJECT),
    Operation("PUT", f"{_O}/{{part}}", _change_object, _OBJECT, rule="modify_metadef_object", answer=OBJECT),
    Operation("DELETE", f"{_O}/{{part}}", _delete_object, rule="delete_metadef_object"),
    Operation("GET", _T, _tags, query=PAGE, strict=MINIMUM, rule="get_metadef_tags", answer=TAGS),
    Operation("POST", _T, _set_tags, _TAGS, rule="add_metadef_tags", answer=NEW_TAGS),
    Operation("DELETE", _T, _clear_tags, rule="delete_metadef_tags"),
    Operation("GET", f"{_T}/{{part}}", _tag, rule="get_metadef_tag", answer=TAG),
    Operation("POST", f"{_T}/{{part}}", _add_tag, rule="add_metadef_tag", answer=TAG),
    Operation("PUT", f"{_T}/{{part}}", _change_tag, _TAG, rule="modify_metadef_tag", answer=TAG),
    Operation("DELETE", f"{_T}/{{part}}", _delete_tag, rule="delete_metadef_tag"),
)
