"""JSON patch of an image: add, replace and remove one attribute each (RFC 6902, as Glance restricts it)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from busway.api.schema import Schema, as_bool, as_int, closed
from busway.domain.errors import BadInput, BadMediaType, Conflict, Forbidden
from busway.domain.ids import ProjectId
from busway.domain.image import Image, check_name, no_locations

_OWNER_CHARS = 64

# What no user writes. Beside these, a change may not touch the id.
READ_ONLY = frozenset(
    [
        "status",
        "size",
        "virtual_size",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "created_at",
        "updated_at",
        "self",
        "file",
        "schema",
        "direct_url",
        "locations",
        "stores",
    ]
)


def _text(value: object, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{name} must be a text", code="image-property")
    return value


def _owner(value: object, name: str) -> ProjectId:
    if not isinstance(value, str) or not 0 < len(value) <= _OWNER_CHARS:
        raise BadInput(f"{name} must be the id of a project", code="image-property")
    return ProjectId(value)


def _tags(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadInput(f"{name} must be a list of texts", code="image-property")
    return tuple(dict.fromkeys(value))


_BASE: dict[str, tuple[str, Callable[[Any, str], object], object]] = {
    "name": ("name", _text, None),
    "owner": ("owner", _owner, None),
    "visibility": ("visibility", _text, None),
    "disk_format": ("disk_format", _text, None),
    "container_format": ("container_format", _text, None),
    "min_disk": ("min_disk", as_int, 0),
    "min_ram": ("min_ram", as_int, 0),
    "protected": ("protected", as_bool, False),
    "os_hidden": ("hidden", as_bool, False),
    "tags": ("tags", _tags, ()),
}
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
_TYPES = (PATCH_TYPE, "application/openstack-images-v2.0-json-patch", "application/json-patch+json", "application/json")
_PATH = {"type": "string", "minLength": 2, "maxLength": 256, "pattern": "^/"}
_CHANGED = closed({"op": {"enum": ["add", "replace"]}, "path": _PATH, "value": {}}, "op", "path", "value")
_REMOVED = closed({"op": {"enum": ["remove"]}, "path": _PATH}, "op", "path")
# The older media type names the operation by the key that has the path: {"replace": "/name", "value": "x"}.
_OLD = {"anyOf": [closed({op: _PATH, "value": {}}, op) for op in ("add", "replace", "remove")]}
PATCH = Schema({"type": "array", "maxItems": 1000, "items": {"anyOf": [_CHANGED, _REMOVED, _OLD]}})


def check_patch_type(given: str) -> None:
    """Raises `BadMediaType` for a body that does not say that it is a JSON patch of images."""
    if given.partition(";")[0].strip().lower() not in _TYPES:
        raise BadMediaType(
            f"A change of an image can't be of the media type '{given[:80]}'",
            detail=f"There are {', '.join(_TYPES[:2])}.",
            code="image-patch-type",
        )


def patched(image: Image, operations: object) -> Image:
    """Applies the operations in order; raises `BadInput`, `Forbidden` or `Conflict`."""
    if not isinstance(operations, list):
        raise BadInput("The body of a PATCH must be a list of operations", code="image-patch")
    for operation in operations:
        image = _apply(image, operation)
    return image


def _apply(image: Image, operation: object) -> Image:
    if isinstance(operation, dict) and "op" not in operation:
        named = [name for name in ("add", "replace", "remove") if name in operation]
        if len(named) == 1:
            operation = {**operation, "op": named[0], "path": operation[named[0]]}
    if not isinstance(operation, dict) or operation.get("op") not in ("add", "replace", "remove"):
        raise BadInput(
            "Unknown operation in the JSON patch",
            detail=f"{operation}",
            remedy='Use {"op": "add", "path": "/name", "value": "x"} with add, replace or remove.',
            code="image-patch",
        )
    pointer = str(operation.get("path", "")).removeprefix("/")
    if not pointer:
        raise BadInput("An operation of the JSON patch has no path", code="image-patch")
    if pointer.partition("/")[0] == "locations":
        raise no_locations()
    if "/" in pointer:
        raise BadInput(
            f"Invalid JSON pointer for this resource: '/{pointer}'",
            detail="A path names an attribute as a whole; a / in a name is written ~1.",
            remedy="Write the whole value, or add and remove one tag: PUT and DELETE /v2/images/ID/tags/TAG",
            code="image-patch",
        )
    name = pointer.replace("~1", "/").replace("~0", "~")
    check_name(name)
    if name == "id" or name in READ_ONLY:
        raise Forbidden(f"Attribute '{name}' is read-only.", code="image-read-only")
    if operation["op"] != "remove" and "value" not in operation:
        raise BadInput(f"Operation on /{name} has no value", code="image-patch")
    change = _remove if operation["op"] == "remove" else _set
    return change(image, name, operation)


def _set(image: Image, name: str, operation: dict[str, Any]) -> Image:
    value = operation["value"]
    if name in _BASE:
        field, read, _ = _BASE[name]
        return replace(image, **{field: read(value, name)})  # type: ignore[arg-type]
    if operation["op"] == "replace" and name not in image.properties:
        raise Conflict(f"Property {name} does not exist.", remedy="Add it with op add.", code="image-property")
    if not isinstance(value, str):
        raise BadInput(f"Property {name} must be a string", code="image-property")
    return replace(image, properties={**image.properties, name: value})


def _remove(image: Image, name: str, _operation: dict[str, Any]) -> Image:
    if name in _BASE:
        raise Forbidden(f"Property '{name}' may not be removed.", code="image-property")
    if name not in image.properties:
        raise Conflict(f"Property {name} does not exist.", code="image-property")
    return replace(image, properties={key: value for key, value in image.properties.items() if key != name})
