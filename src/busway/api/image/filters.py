"""Filters, order and pages of image lists: equal, in:a,b, neq:x, size_min, tag, sort, limit and marker."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from urllib.parse import urlencode

from busway.api.call import Call
from busway.api.schema import FLAG, PAGE, WORD, Definition, as_bool, as_int
from busway.domain.errors import BadInput
from busway.domain.image import Image

MOST_SIZE = 2**63 - 1
_PAGING = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir"})
_SPECIAL = frozenset({"tag", "size_min", "size_max", "os_hidden", "member_status"})
_FIELDS = (
    "id",
    "name",
    "status",
    "visibility",
    "owner",
    "disk_format",
    "container_format",
    "min_ram",
    "min_disk",
    "size",
)
_SORTABLE = {
    "created_at": "created",
    "updated_at": "updated",
    **{name: name for name in _FIELDS},
}
_MAX_LIMIT = 1000
_SIZE: Definition = {"type": "integer", "minimum": 0, "maximum": MOST_SIZE}
QUERY: Definition = {
    **PAGE,
    **dict.fromkeys(_FIELDS, WORD),
    **dict.fromkeys(("sort", "sort_key", "sort_dir", "tag"), WORD),
    "size_min": _SIZE,
    "size_max": _SIZE,
    "os_hidden": FLAG,
    "protected": FLAG,
}


def filtered(call: Call, images: Iterable[Image]) -> tuple[list[Image], str | None]:
    """The images that the query asks for, in its order, and the link of the next page."""
    pairs = [(key, value) for key, value in call.query.multi_items() if key not in _PAGING]
    hidden = call.flag("os_hidden")
    kept = [image for image in images if image.hidden == hidden and all(_matches(image, *pair) for pair in pairs)]
    return _page(call, _sorted(call, kept))


def _matches(image: Image, key: str, value: str) -> bool:
    if key == "tag":
        return value in image.tags
    if key in ("size_min", "size_max"):
        size = image.size or 0
        bound = as_int(value, key, most=MOST_SIZE)
        return size >= bound if key == "size_min" else size <= bound
    if key in ("os_hidden", "member_status"):
        return True
    if key == "protected":
        return image.protected == as_bool(value, key)
    if key == "visibility" and value == "all":
        return True
    actual = getattr(image, key) if key in _FIELDS else image.properties.get(key)
    operator, colon, rest = value.partition(":")
    if colon and operator == "in":
        return str(actual) in next(csv.reader([rest]))
    if colon and operator == "neq":
        return str(actual) != rest
    return str(actual) == (rest if colon and operator == "eq" else value)


def _sorted(call: Call, images: list[Image]) -> list[Image]:
    # Python's sort is stable: sorting by the last key first gives the order of all keys.
    for key, direction in reversed(_order(call)):
        name = _SORTABLE.get(key)
        if name is None or direction not in ("asc", "desc"):
            raise BadInput(f"Unknown sort {key}:{direction}", remedy=f"Keys: {', '.join(_SORTABLE)}", code="image-sort")
        images.sort(key=lambda image, name=name: _sort_value(image, name), reverse=direction == "desc")  # type: ignore[misc]
    return images


def _order(call: Call) -> list[tuple[str, str]]:
    if sort := call.text("sort"):
        parts = (part.partition(":") for part in sort.split(","))
        return [(key.strip(), direction.strip() or "desc") for key, _, direction in parts]
    keys, directions = call.query.getlist("sort_key"), call.query.getlist("sort_dir")
    return [
        (key, directions[min(index, len(directions) - 1)] if directions else "desc") for index, key in enumerate(keys)
    ]


def _sort_value(image: Image, name: str) -> tuple[bool, object]:
    value = getattr(image, name)
    return (value is not None, value if value is not None else 0)


def _page(call: Call, images: list[Image]) -> tuple[list[Image], str | None]:
    marker, limit = call.text("marker"), call.number("limit")
    start = 0
    if marker is not None:
        places = [index for index, image in enumerate(images) if image.id == marker]
        if not places:
            raise BadInput(f"Marker image {marker} is not in this list", code="unknown-marker")
        start = places[0] + 1
    size = min(limit if limit is not None else _MAX_LIMIT, _MAX_LIMIT)
    found = images[start : start + size]
    if not found or start + size >= len(images):
        return found, None
    kept = [(key, value) for key, value in call.query.multi_items() if key != "marker"]
    return found, f"/v2/images?{urlencode([*kept, ('marker', found[-1].id)])}"
