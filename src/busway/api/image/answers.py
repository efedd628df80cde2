"""What the image API answers: the building blocks of its bodies."""

from __future__ import annotations

from typing import Any

from busway.api.answer import (
    ANYTHING,
    NUMBER,
    TEXT,
    TRUTH,
    Property,
    array,
    mapping,
    nullable,
    optional,
    shape,
    words,
    wrap_list,
)
from busway.api.schema import Definition
from busway.domain.disk_formats import ALL_FORMATS
from busway.domain.image import CONTAINER_FORMATS, VISIBILITIES, ImageStatus
from busway.domain.image_hash import HASHES
from busway.domain.image_member import MemberStatus
from busway.domain.image_store import TYPE
from busway.domain.image_task import IMPORT_METHODS, TaskStatus

_TEXT_OR_NULL = nullable(TEXT)
_FIELDS: dict[str, Property] = {
    "id": TEXT,
    "name": _TEXT_OR_NULL,
    "status": words(*ImageStatus),
    "visibility": words(*VISIBILITIES),
    "owner": _TEXT_OR_NULL,
    "protected": TRUTH,
    "os_hidden": TRUTH,
    "disk_format": nullable(words(*ALL_FORMATS)),
    "container_format": nullable(words(*CONTAINER_FORMATS)),
    "size": nullable(NUMBER),
    "virtual_size": nullable(NUMBER),
    "checksum": _TEXT_OR_NULL,
    "os_hash_algo": nullable(words(*HASHES)),
    "os_hash_value": _TEXT_OR_NULL,
    "min_disk": NUMBER,
    "min_ram": NUMBER,
    "tags": array(TEXT),
    "created_at": TEXT,
    "updated_at": TEXT,
    "self": TEXT,
    "file": TEXT,
    "schema": TEXT,
    "stores": optional(TEXT),
    "os_glance_importing_to_stores": optional(TEXT),
    "os_glance_failed_import": optional(TEXT),
}
# Custom properties stand beside the others.
IMAGE: dict[str, Any] = {**shape(_FIELDS, "image"), "additionalProperties": TEXT}
IMAGES = wrap_list("images", IMAGE, first=TEXT, schema=TEXT, next=optional(TEXT))
MEMBER = shape(
    {
        "member_id": TEXT,
        "image_id": TEXT,
        "status": words(*MemberStatus),
        "created_at": TEXT,
        "updated_at": TEXT,
        "schema": TEXT,
    },
    "image_member",
)
MEMBERS = wrap_list("members", MEMBER, schema=TEXT)
SCHEMA = shape(
    {
        "name": TEXT,
        "properties": mapping(ANYTHING),
        "required": optional(array(TEXT)),
        "additionalProperties": optional(ANYTHING),
        "links": optional(array(shape({"href": TEXT, "rel": TEXT}))),
    },
    "schema",
)
IMPORT = shape(
    {"import-methods": shape({"description": TEXT, "type": words("array"), "value": array(words(*IMPORT_METHODS))})}
)
_STORE: dict[str, Property] = {
    "id": TEXT,
    "description": optional(TEXT),
    "default": optional(words("true")),
    "weight": NUMBER,
}
STORES = wrap_list("stores", shape(_STORE))
_FOLDER = shape({"data_dir": TEXT})
STORES_DETAIL = wrap_list("stores", shape({**_STORE, "type": words(TYPE), "properties": _FOLDER}))
TASK = shape(
    {
        **dict.fromkeys(("id", "image_id", "owner", "user_id", "request_id", "message", "self", "schema"), TEXT),
        "type": words("api_image_import"),
        "status": words(*TaskStatus),
        "input": mapping(ANYTHING),
        "result": nullable(mapping(TEXT)),
        **dict.fromkeys(("created_at", "updated_at", "expires_at"), TEXT),
    },
    "image_task",
)
TASKS = wrap_list("tasks", TASK, first=TEXT, schema=TEXT, next=optional(TEXT))
TASKS_OF_IMAGE = wrap_list("tasks", TASK)
DATA: Definition = {"type": "string", "format": "binary"}
VERSIONS = wrap_list(
    "versions",
    shape(
        {"id": TEXT, "status": words("CURRENT", "SUPPORTED"), "links": array(shape({"rel": TEXT, "href": TEXT}))},
        "version",
    ),
)
