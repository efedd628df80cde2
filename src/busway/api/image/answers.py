"""What the image API answers: the building blocks of its bodies."""

from __future__ import annotations

from typing import Any

from busway.api.answer import (
    ANYTHING,
    EMPTY,
    NUMBER,
    TEXT,
    TRUTH,
    array,
    mapping,
    nullable,
    optional,
    shape,
    words,
    wrap_list,
)
from busway.api.schema import Definition
from busway.domain.image import CONTAINER_FORMATS, DISK_FORMATS, VISIBILITIES, ImageStatus

_TEXT_OR_NULL = nullable(TEXT)
_FIELDS = {
    "id": TEXT,
    "name": _TEXT_OR_NULL,
    "status": words(*ImageStatus),
    "visibility": words(*VISIBILITIES),
    "owner": _TEXT_OR_NULL,
    "protected": TRUTH,
    "os_hidden": TRUTH,
    "disk_format": nullable(words(*DISK_FORMATS)),
    "container_format": nullable(words(*CONTAINER_FORMATS)),
    "size": nullable(NUMBER),
    "virtual_size": nullable(NUMBER),
    "checksum": _TEXT_OR_NULL,
    "os_hash_algo": nullable(words("sha512")),
    "os_hash_value": _TEXT_OR_NULL,
    "min_disk": NUMBER,
    "min_ram": NUMBER,
    "tags": array(TEXT),
    "created_at": TEXT,
    "updated_at": TEXT,
    "self": TEXT,
    "file": TEXT,
    "schema": TEXT,
}
# Custom properties stand beside the others.
IMAGE: dict[str, Any] = {**shape(_FIELDS, "image"), "additionalProperties": TEXT}
IMAGES = wrap_list("images", IMAGE, first=TEXT, schema=TEXT, next=optional(TEXT))
MEMBERS = shape({"members": EMPTY, "schema": TEXT})
SCHEMA = shape(
    {
        "name": TEXT,
        "properties": mapping(ANYTHING),
        "additionalProperties": optional(ANYTHING),
        "links": optional(array(shape({"href": TEXT, "rel": TEXT}))),
    },
    "schema",
)
IMPORT = shape({"import-methods": shape({"description": TEXT, "type": words("array"), "value": EMPTY})})
STORES = shape({"stores": EMPTY})
DATA: Definition = {"type": "string", "format": "binary"}
VERSIONS = wrap_list(
    "versions",
    shape(
        {"id": TEXT, "status": words("CURRENT", "SUPPORTED"), "links": array(shape({"rel": TEXT, "href": TEXT}))},
        "version",
    ),
)
