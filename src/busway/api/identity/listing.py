"""Filters and pages of lists of users and projects."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from busway.api.call import Call
from busway.api.schema import FLAG, PAGE, WORD, Definition
from busway.domain.identity import DOMAIN_ID
from busway.store.identity import DirectoryFilter

DIRECTORY_QUERY: Definition = {**PAGE, "name": WORD, "domain_id": WORD, "enabled": FLAG}


def directory_filter(call: Call) -> DirectoryFilter:
    """What the query asks for."""
    return DirectoryFilter(
        name=call.text("name"),
        enabled=call.flag("enabled") if "enabled" in call.query else None,
        limit=call.number("limit"),
        marker=call.text("marker"),
    )


def in_domain(call: Call) -> bool:
    """True unless the query asks for another domain than the one that there is."""
    return call.text("domain_id") in (None, DOMAIN_ID)


def next_page(call: Call, path: str, found: Sequence[str]) -> str | None:
    """The link of the next page where this one is full; `found` are the ids of this page."""
    if not found or len(found) != call.number("limit"):
        return None
    kept = [(key, value) for key, value in call.query.multi_items() if key != "marker"]
    return call.url(f"{path}?{urlencode([*kept, ('marker', found[-1])])}")
