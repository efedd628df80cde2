"""Queries of identity's lists: no parameter but the named ones, and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

from busway.api.call import Call
from busway.api.schema import WORD, Definition
from busway.domain.errors import BadInput, NotFound
from busway.store.filtered_list import Likeness
from busway.store.service_catalog import Page

IN_DOMAIN: Definition = {"domain_id": WORD}
# Names that contain a text, or begin or end with it; with an i, in capital letters or small ones.
# Source: inexact filters in https://docs.openstack.org/api-ref/identity/v3/#filtering
_ALIKE = {
    f"name__{i}{word}": Likeness("", begins=word == "startswith", ends=word == "endswith", any_case=bool(i))
    for word in ("contains", "startswith", "endswith")
    for i in ("", "i")
}
NAME: Definition = {"name": WORD, **dict.fromkeys(_ALIKE, WORD)}


def only(call: Call, known: Definition) -> None:
    """Raises `BadInput` for an unknown parameter, which a client would mistake for a filter that works."""
    unknown = sorted(set(call.query) - set(known))
    if unknown:
        raise BadInput(
            f"The list has no parameter {unknown[0]}",
            detail=f"It has {', '.join(sorted(known)) or 'none'}.",
            remedy="Leave it out.",
            code="unknown-filter",
        )


def in_asked_domain(call: Call, kind: str, domain_id: str) -> None:
    """Raises `NotFound` for one thing that is not in the domain that the query names; clients name it with each id."""
    if call.text("domain_id") not in (None, domain_id):
        raise NotFound(f"Could not find {kind}: {call.path['id']}", code=f"{kind}-not-found")


def flag(call: Call, name: str) -> bool | None:
    """A filter that is true or false, None where the query does not have it."""
    return call.flag(name) if name in call.query else None


def page(call: Call) -> Page:
    """Where the list begins and how long it is."""
    return Page(call.number("limit"), call.text("marker"))


def name_like(call: Call) -> tuple[Likeness, ...]:
    """What the names of a list are like, all of it; raises `BadInput` for a filter that is there twice: each costs the whole list."""
    for key in _ALIKE:
        if len(call.query.getlist(key)) > 1:
            raise BadInput(f"The query has {key} more than once", remedy="Give it once.", code="repeated-filter")
    return tuple(replace(kind, text=text) for key, kind in _ALIKE.items() if (text := call.text(key)))


def words(call: Call, name: str) -> tuple[str, ...]:
    """The comma-separated words of a parameter."""
    return tuple(word for each in call.query.getlist(name) for word in each.split(",") if word)


def links(call: Call, path: str, found: Sequence[str] = ()) -> dict[str, object]:
    """The links of a list: to itself, and to the next page where this one is full; `found` are the ids of this page."""
    query = call.query.multi_items()
    this = call.url(f"{path}?{urlencode(query)}" if query else path)
    following = None
    if found and len(found) == call.number("limit"):
        kept = [(key, value) for key, value in query if key != "marker"]
        following = call.url(f"{path}?{urlencode([*kept, ('marker', found[-1])])}")
    return {"next": following, "self": this, "previous": None}
