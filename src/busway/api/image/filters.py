"""Filters, order and pages of image lists: equal, in:a,b, neq:x, size_min, tag, sort, limit and marker."""

from __future__ import annotations

import csv
from urllib.parse import urlencode

from busway.api.call import Call
from busway.api.schema import FLAG, PAGE, WORD, Definition, as_int, as_moment
from busway.domain.errors import BadInput
from busway.domain.image import VISIBILITIES, Image
from busway.domain.image_member import MemberStatus
from busway.store.image_list import (
    IMAGE_DIGESTS,
    IMAGE_FIELDS,
    IMAGE_SORT_KEYS,
    IMAGE_TIMES,
    TIME_OPERATORS,
    Condition,
    ImageFilter,
    TimeCondition,
)

MOST_SIZE = 2**63 - 1
_MAX_LIMIT = 1000
_NOT_FIELDS = frozenset(
    {
        "limit",
        "marker",
        "sort",
        "sort_key",
        "sort_dir",
        "tag",
        "size_min",
        "size_max",
        "os_hidden",
        "protected",
        "visibility",
        "member_status",
        *IMAGE_TIMES,
    }
)
_SIZE: Definition = {"type": "integer", "minimum": 0, "maximum": MOST_SIZE}
_WORDS_OF: Definition = {
    "visibility": {"type": "string", "enum": [*VISIBILITIES, "all"]},
    "member_status": {"type": "string", "enum": [*MemberStatus, "all"]},
}
QUERY: Definition = {
    **PAGE,
    **dict.fromkeys(sorted([*IMAGE_FIELDS, *IMAGE_DIGESTS]), WORD),
    **_WORDS_OF,
    **dict.fromkeys(("sort", "tag"), WORD),
    "sort_key": {"type": "string", "enum": list(IMAGE_SORT_KEYS)},
    "sort_dir": {"type": "string", "enum": ["asc", "desc"]},
    **dict.fromkeys(IMAGE_TIMES, WORD),
    "size_min": _SIZE,
    "size_max": _SIZE,
    "os_hidden": FLAG,
    "protected": FLAG,
}


def image_filter(call: Call) -> ImageFilter:
    """What the query asks for; its limit is the most that one answer has."""
    limit = call.number("limit")
    return ImageFilter(
        times=tuple(_time(key, value) for key, value in call.query.multi_items() if key in IMAGE_TIMES),
        conditions=tuple(_condition(key, value) for key, value in call.query.multi_items() if key not in _NOT_FIELDS),
        visibility=_word(call, "visibility"),
        member_status=_word(call, "member_status") or MemberStatus.ACCEPTED,
        tags=tuple(call.query.getlist("tag")),
        size_min=_size(call, "size_min"),
        size_max=_size(call, "size_max"),
        hidden=call.flag("os_hidden"),
        protected=call.flag("protected") if "protected" in call.query else None,
        sort=_sort(call),
        limit=_MAX_LIMIT if limit is None else min(limit, _MAX_LIMIT),
        marker=call.text("marker"),
    )


def next_page(call: Call, found: list[Image], wanted: ImageFilter) -> str | None:
    """The link of the next page, where this one is full."""
    if not found or len(found) != wanted.limit:
        return None
    kept = [(key, value) for key, value in call.query.multi_items() if key != "marker"]
    return f"/v2/images?{urlencode([*kept, ('marker', found[-1].id)])}"


def _word(call: Call, name: str) -> str | None:
    value = call.text(name)
    if value is not None and value not in (known := _WORDS_OF[name]["enum"]):
        raise BadInput(
            f"Invalid {name} '{value[:80]}'",
            detail=f"There are {', '.join(known)}.",
            code=f"image-{name.replace('_', '-')}",
        )
    return value


def _size(call: Call, name: str) -> int | None:
    return as_int(call.query[name], name, most=MOST_SIZE) if name in call.query else None


def _time(name: str, value: str) -> TimeCondition:
    """A condition such as gt:2026-01-31T12:00:00Z; a time alone is to be equal."""
    operator, _, rest = value.partition(":")
    if operator not in TIME_OPERATORS:
        operator, rest = "eq", value
    moment = as_moment(rest, name)
    assert moment is not None
    return TimeCondition(name, operator, moment.replace(microsecond=0))


def _condition(name: str, value: str) -> Condition:
    operator, colon, rest = value.partition(":")
    if colon and operator == "in":
        return Condition(name, tuple(next(csv.reader([rest]))))
    if colon and operator == "neq":
        return Condition(name, (rest,), is_in=False)
    return Condition(name, (rest if colon and operator == "eq" else value,))


def _sort(call: Call) -> tuple[tuple[str, bool], ...]:
    found = _order(call)
    for key, direction in found:
        if key not in IMAGE_SORT_KEYS or direction not in ("asc", "desc"):
            raise BadInput(
                f"Unknown sort {key}:{direction}", remedy=f"Keys: {', '.join(IMAGE_SORT_KEYS)}", code="image-sort"
            )
    return tuple((key, direction == "desc") for key, direction in found)


def _order(call: Call) -> list[tuple[str, str]]:
    sort, keys, directions = call.text("sort"), call.query.getlist("sort_key"), call.query.getlist("sort_dir")
    if sort and (keys or directions):
        raise BadInput(
            "sort can't be combined with sort_key and sort_dir", remedy="Use one of both.", code="image-sort"
        )
    if sort:
        parts = (part.partition(":") for part in sort.split(","))
        return [(key.strip(), direction.strip() or "desc") for key, _, direction in parts]
    keys = keys or (["created_at"] if directions else [])
    directions = directions or ["desc"]
    if len(directions) not in (1, len(keys)):
        raise BadInput(
            f"There are {len(directions)} sort_dir and {len(keys)} sort_key",
            remedy="Give one for each key, or one for all.",
            code="image-sort",
        )
    return list(zip(keys, directions if len(directions) > 1 else directions * len(keys), strict=True))
