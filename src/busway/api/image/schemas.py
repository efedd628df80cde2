"""The schemas that image clients ask for before they trust a field, and what they probe."""

from __future__ import annotations

from busway.api.call import Call, Reply
from busway.api.image.answers import IMPORT, SCHEMA, STORES
from busway.api.operation import Operation
from busway.domain.image import CONTAINER_FORMATS, DISK_FORMATS, VISIBILITIES, ImageStatus

_TEXT: dict[str, object] = {"type": ["null", "string"], "maxLength": 255}
_READ_ONLY = {"type": ["null", "string"], "readOnly": True}
_SIZE = {"type": ["null", "integer"], "readOnly": True}
_NATURAL = {"type": "integer", "minimum": 0, "maximum": 0x7FFFFFFF}

IMAGE: dict[str, object] = {
    "name": "image",
    "properties": {
        "id": {"type": "string"},
        "name": _TEXT,
        "status": {"type": "string", "readOnly": True, "enum": list(ImageStatus)},
        "visibility": {"type": "string", "enum": list(VISIBILITIES)},
        "protected": {"type": "boolean"},
        "os_hidden": {"type": "boolean"},
        "checksum": _READ_ONLY,
        "os_hash_algo": _READ_ONLY,
        "os_hash_value": _READ_ONLY,
        "owner": _TEXT,
        "size": _SIZE,
        "virtual_size": _SIZE,
        "container_format": {"type": ["null", "string"], "enum": [None, *CONTAINER_FORMATS]},
        "disk_format": {"type": ["null", "string"], "enum": [None, *DISK_FORMATS]},
        "created_at": _READ_ONLY,
        "updated_at": _READ_ONLY,
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
        "min_ram": _NATURAL,
        "min_disk": _NATURAL,
        "self": _READ_ONLY,
        "file": _READ_ONLY,
        "schema": _READ_ONLY,
        "direct_url": _READ_ONLY,
        "locations": {"type": "array", "readOnly": True},
    },
    "additionalProperties": {"type": "string"},
    "links": [
        {"href": "{self}", "rel": "self"},
        {"href": "{file}", "rel": "enclosure"},
        {"href": "{schema}", "rel": "describedby"},
    ],
}


def _image(_call: Call) -> Reply:
    return Reply(IMAGE)


def _images(_call: Call) -> Reply:
    items = {"type": "array", "items": IMAGE}
    paging = {"type": "string"}
    return Reply({"name": "images", "properties": {"images": items, "first": paging, "next": paging, "schema": paging}})


def _no_import(_call: Call) -> Reply:
    return Reply({"import-methods": {"description": "Import methods available.", "type": "array", "value": []}})


def _stores(_call: Call) -> Reply:
    return Reply({"stores": []})


OPERATIONS = (
    Operation("GET", "/image/v2/schemas/image", _image, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/schemas/images", _images, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/info/import", _no_import, rule="get_stores", answer=IMPORT),
    Operation("GET", "/image/v2/info/stores", _stores, rule="get_stores", answer=STORES),
)
