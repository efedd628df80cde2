"""The schemas that image clients ask for before they trust a field."""

from __future__ import annotations

from collections.abc import Callable

from busway.api.call import Call, Reply
from busway.api.image.answers import SCHEMA
from busway.api.image.metadef_answers import SCHEMAS
from busway.api.operation import Operation
from busway.domain.disk_formats import ALL_FORMATS
from busway.domain.image import CONTAINER_FORMATS, VISIBILITIES, ImageStatus
from busway.domain.image_member import MemberStatus
from busway.domain.image_task import TaskStatus

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
        "disk_format": {"type": ["null", "string"], "enum": [None, *ALL_FORMATS]},
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
        "stores": _READ_ONLY,
    },
    "additionalProperties": {"type": "string"},
    "links": [
        {"href": "{self}", "rel": "self"},
        {"href": "{file}", "rel": "enclosure"},
        {"href": "{schema}", "rel": "describedby"},
    ],
}


MEMBER: dict[str, object] = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string"},
        "image_id": {"type": "string"},
        "status": {"type": "string", "enum": list(MemberStatus)},
        "created_at": {"type": "string"},
        "updated_at": {"type": "string"},
        "schema": {"readOnly": True, "type": "string"},
    },
}


TASK: dict[str, object] = {
    "name": "task",
    "properties": {
        "id": {"type": "string"},
        "type": {"type": "string", "enum": ["api_image_import"]},
        "status": {"type": "string", "enum": list(TaskStatus)},
        "input": {"type": ["null", "object"]},
        "result": {"type": ["null", "object"]},
        "message": {"type": "string"},
        "owner": {"type": "string"},
        "image_id": {"type": "string"},
        "user_id": {"type": "string"},
        "request_id": {"type": "string"},
        "created_at": _READ_ONLY,
        "updated_at": _READ_ONLY,
        "expires_at": _READ_ONLY,
        "self": _READ_ONLY,
        "schema": _READ_ONLY,
    },
}


def _member(_call: Call) -> Reply:
    return Reply(MEMBER)


def _members(_call: Call) -> Reply:
    items = {"type": "array", "items": MEMBER}
    return Reply({"name": "members", "properties": {"members": items, "schema": {"type": "string"}}})


def _metadef(word: str) -> Callable[[Call], Reply]:
    return lambda _call: Reply(SCHEMAS[word])


def _image(_call: Call) -> Reply:
    return Reply(IMAGE)


def _images(_call: Call) -> Reply:
    return Reply(_pages("images", IMAGE))


def _task(_call: Call) -> Reply:
    return Reply(TASK)


def _tasks(_call: Call) -> Reply:
    return Reply(_pages("tasks", TASK))


def _pages(name: str, item: dict[str, object]) -> dict[str, object]:
    items, paging = {"type": "array", "items": item}, {"type": "string"}
    return {"name": name, "properties": {name: items, "first": paging, "next": paging, "schema": paging}}


OPERATIONS = (
    Operation("GET", "/image/v2/schemas/image", _image, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/schemas/images", _images, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/schemas/member", _member, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/schemas/members", _members, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/schemas/task", _task, rule="get_schemas", answer=SCHEMA),
    Operation("GET", "/image/v2/schemas/tasks", _tasks, rule="get_schemas", answer=SCHEMA),
    *(
        Operation("GET", f"/image/v2/schemas/metadefs/{word}", _metadef(word), rule="get_schemas", answer=SCHEMA)
        for word in SCHEMAS
    ),
)
