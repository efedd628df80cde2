"""What the image API answers about metadata definitions, and the schemas that it publishes of them."""

from __future__ import annotations

from typing import Any

from busway.api.answer import ANYTHING, TEXT, TRUTH, array, mapping, nullable, optional, shape, words, wrap_list

TYPES = ("array", "boolean", "integer", "number", "object", "string", "null")
_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 512}
# What a property may say of its values: a part of JSON Schema, as Glance has it.
PROPERTY_FIELDS: dict[str, Any] = {
    "title": {"type": "string", "maxLength": 255},
    "description": {"type": ["string", "null"], "maxLength": 10_000},
    "type": {"type": "string", "enum": list(TYPES)},
    "operators": _TEXTS,
    "default": {},
    "enum": {"type": "array", "maxItems": 512},
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "minLength": {"type": "integer", "minimum": 0},
    "maxLength": {"type": "integer", "minimum": 0},
    "minItems": {"type": "integer", "minimum": 0},
    "maxItems": {"type": "integer", "minimum": 0},
    "uniqueItems": {"type": "boolean"},
    "additionalItems": {"type": "boolean"},
    "pattern": {"type": "string", "maxLength": 1000},
    "format": {"type": "string", "maxLength": 255},
    "items": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": list(TYPES)},
            "enum": {"type": "array", "maxItems": 512},
        },
        "additionalProperties": False,
    },
    "required": _TEXTS,
    "position": {"type": "integer", "minimum": 0},
    "confidential": {"type": "boolean"},
    "readonly": {"type": "boolean"},
}
NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 80}
LONG_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255}
DESCRIPTION: dict[str, Any] = {"type": ["string", "null"], "maxLength": 10_000}

ASSOCIATION = shape(
    {
        "name": TEXT,
        "prefix": optional(TEXT),
        "properties_target": optional(TEXT),
        "created_at": TEXT,
        "updated_at": TEXT,
    },
    "metadef_resource_type_association",
)
# The fields of a property are those of JSON Schema.
PROPERTY = mapping(ANYTHING)
OBJECT = shape(
    {
        "name": TEXT,
        "description": optional(nullable(TEXT)),
        "required": array(TEXT),
        "properties": mapping(PROPERTY),
        "created_at": TEXT,
        "updated_at": TEXT,
        "self": TEXT,
        "schema": TEXT,
    },
    "metadef_object",
)
TAG = shape({"name": TEXT, "created_at": TEXT, "updated_at": TEXT}, "metadef_tag")
_NAMESPACE: dict[str, Any] = {
    "namespace": TEXT,
    "display_name": nullable(TEXT),
    "description": nullable(TEXT),
    "visibility": words("public", "private"),
    "protected": TRUTH,
    "owner": TEXT,
    "created_at": TEXT,
    "updated_at": TEXT,
    "self": TEXT,
    "schema": TEXT,
    "resource_type_associations": array(ASSOCIATION),
}
NAMESPACE = shape(
    {
        **_NAMESPACE,
        "properties": optional(mapping(PROPERTY)),
        "objects": optional(array(OBJECT)),
        "tags": optional(array(TAG)),
    },
    "metadef_namespace",
)
NAMESPACES = wrap_list("namespaces", NAMESPACE, first=TEXT, schema=TEXT, next=optional(TEXT))
RESOURCE_TYPES = wrap_list("resource_types", shape({"name": TEXT, "created_at": TEXT, "updated_at": TEXT}))
ASSOCIATIONS = wrap_list("resource_type_associations", ASSOCIATION)
PROPERTIES = shape({"properties": mapping(PROPERTY)})
OBJECTS = wrap_list("objects", OBJECT, schema=TEXT, first=optional(TEXT), next=optional(TEXT))
TAGS = wrap_list("tags", TAG, schema=TEXT, first=optional(TEXT), next=optional(TEXT))
NEW_TAGS = wrap_list("tags", shape({"name": TEXT}))

_DATE = {"type": "string", "readOnly": True, "format": "date-time"}
_OWN_PROPERTY = {"type": "object", "properties": PROPERTY_FIELDS, "required": ["title", "type"]}
_OBJECT_SCHEMA: dict[str, Any] = {
    "name": NAME | {"maxLength": 255},
    "description": DESCRIPTION,
    "required": _TEXTS,
    "properties": {"type": "object", "additionalProperties": _OWN_PROPERTY},
    "created_at": _DATE,
    "updated_at": _DATE,
    "self": {"type": "string", "readOnly": True},
    "schema": {"type": "string", "readOnly": True},
}
_ASSOCIATION_SCHEMA: dict[str, Any] = {
    "name": NAME,
    "prefix": NAME,
    "properties_target": NAME,
    "created_at": _DATE,
    "updated_at": _DATE,
}
_TAG_SCHEMA: dict[str, Any] = {"name": NAME, "created_at": _DATE, "updated_at": _DATE}
_NAMESPACE_SCHEMA: dict[str, Any] = {
    "namespace": NAME,
    "display_name": {"type": ["string", "null"], "maxLength": 80},
    "description": DESCRIPTION,
    "visibility": {"type": "string", "enum": ["public", "private"]},
    "protected": {"type": "boolean"},
    "owner": {"type": "string", "maxLength": 255},
    "created_at": _DATE,
    "updated_at": _DATE,
    "self": {"type": "string", "readOnly": True},
    "schema": {"type": "string", "readOnly": True},
    "resource_type_associations": {"type": "array", "items": {"type": "object", "properties": _ASSOCIATION_SCHEMA}},
    "properties": {"type": "object", "additionalProperties": _OWN_PROPERTY},
    "objects": {"type": "array", "items": {"type": "object", "properties": _OBJECT_SCHEMA}},
    "tags": {"type": "array", "items": {"type": "object", "properties": _TAG_SCHEMA}},
}


def _several(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "items": {"type": "object", "properties": properties}}
    links = {word: {"type": "string"} for word in ("first", "next", "schema")}
    return {"name": name, "properties": {name: items, **links}}


# By the path below /v2/schemas/metadefs.
SCHEMAS: dict[str, dict[str, Any]] = {
    "namespace": {"name": "namespace", "properties": _NAMESPACE_SCHEMA, "required": ["namespace"]},
    "namespaces": _several("namespaces", _NAMESPACE_SCHEMA),
    "resource_type": {"name": "resource_type_association", "properties": _ASSOCIATION_SCHEMA, "required": ["name"]},
    "resource_types": _several("resource_type_associations", _ASSOCIATION_SCHEMA),
    "object": {"name": "object", "properties": _OBJECT_SCHEMA, "required": ["name"]},
    "objects": _several("objects", _OBJECT_SCHEMA),
    "property": {
        "name": "property",
        "properties": {"name": LONG_NAME, **PROPERTY_FIELDS},
        "required": ["name", "title", "type"],
    },
    "properties": {
        "name": "properties",
        "properties": {"properties": {"type": "object", "additionalProperties": _OWN_PROPERTY}},
    },
    "tag": {"name": "tag", "properties": _TAG_SCHEMA, "required": ["name"]},
    "tags": _several("tags", _TAG_SCHEMA),
}
