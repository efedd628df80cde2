"""Links and pages of the compute API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from busway.api.call import Call
from busway.api.schema import as_moment
from busway.domain.errors import BadInput

T = TypeVar("T")

MAX_LIMIT = 1000
# From 2.75 on Nova refuses parameters of a query that it does not know.
STRICT = 75
# The microversion from which lists have changes-before.
_BEFORE_SINCE = 66
CHANGES_SINCE = {"changes-before": _BEFORE_SINCE}


def self_links(call: Call, path: str) -> list[dict[str, str]]:
    """A resource's links: the versioned one and the bookmark."""
    return [
        {"rel": "self", "href": call.url(f"/compute/v2.1/{path}")},
        {"rel": "bookmark", "href": call.url(f"/compute/{path}")},
    ]


def limit_of(call: Call) -> int:
    """How many items an answer may have: ?limit, at most 1000."""
    asked = call.number("limit")
    return MAX_LIMIT if asked is None else min(asked, MAX_LIMIT)


def changes_of(call: Call) -> tuple[datetime | None, datetime | None]:
    """The moments since and before which what is listed has changed; raises `BadInput` for an order without anything between."""
    since = as_moment(call.text("changes-since"), "changes-since")
    before = as_moment(call.text("changes-before"), "changes-before")
    if call.version >= _BEFORE_SINCE and since is not None and before is not None and since > before:
        raise BadInput(
            "The value of changes-since must be less than or equal to changes-before",
            remedy="Swap them.",
            code="changes-order",
        )
    return since, before


def next_link(call: Call, path: str, marker: str) -> list[dict[str, str]]:
    """The link to the following page."""
    kept = [(key, value) for key, value in call.query.multi_items() if key != "marker"]
    return [{"rel": "next", "href": call.url(f"{path}?{urlencode([*kept, ('marker', marker)])}")}]


def page(call: Call, things: Sequence[T], key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The items after ?marker up to ?limit, and the next marker if there are more."""
    marker, limit = call.text("marker"), limit_of(call)
    start = 0
    if marker is not None:
        places = [index for index, thing in enumerate(things) if key(thing) == marker]
        if not places:
            raise BadInput(f"marker [{marker}] not found", code="unknown-marker")
        start = places[0] + 1
    found = list(things[start : start + limit])
    more = "limit" in call.query and start + limit < len(things)
    return found, key(found[-1]) if more and found else None
