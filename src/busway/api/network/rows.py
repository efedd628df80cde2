"""Lists of the network API: equal filters, `fields`, sorting and pages, as Neutron's clients use them; and bodies for many things."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from busway.api.call import Call, Reply
from busway.api.network.filter_values import filter_value
from busway.api.schema import Definition, Schema
from busway.control.networks.tags import tags_of
from busway.domain.errors import BadInput, NotFound
from busway.store.network_tags import TagFilter

Row = dict[str, object]

PAGING = frozenset({"fields", "limit", "marker", "sort_key", "sort_dir", "page_reverse"})
TAG_FILTERS = frozenset({"tags", "tags-any", "not-tags", "not-tags-any"})
# The lists whose rows show tags, by the key of one; rules of groups have none yet.
_TAGGED = frozenset(
    {"network", "subnet", "port", "security_group", "security_group_rule", "router", "floatingip", "trunk"}
)
_MOST_AT_ONCE = 100


def listing(call: Call, key: str, rows: Iterable[Row], columns: Collection[str]) -> Reply:
    """Of a few rows that are no table's, those whose columns equal the query's, cut to the asked fields, from after `marker` on and at most `limit`; raises `BadInput` for a value that can't be."""
    asked: dict[str, set[str]] = {}
    for name, value in call.query.multi_items():
        if name not in PAGING:
            asked.setdefault(name, set()).add(filter_value(name, value).lower())
    refuse_unknown(asked, columns)
    kept = [row for row in rows if all(_matches(row, name, values) for name, values in asked.items())]
    return page_reply(call, key, _page(call, kept, columns))


def tag_filter(call: Call) -> TagFilter:
    """What a query asks of tags; words with commas between them."""

    def named(name: str) -> tuple[str, ...]:
        return tuple(tag for value in call.query.getlist(name) for tag in value.split(",") if tag)

    return TagFilter(named("tags"), named("tags-any"), named("not-tags"), named("not-tags-any"))


def with_tags(call: Call, rows: Iterable[Row]) -> list[Row]:
    """The rows with the tags of what they show."""
    several = list(rows)
    known = tags_of(call.control, [str(row["id"]) for row in several])
    return [{**row, "tags": list(known.get(str(row["id"]), ()))} for row in several]


def refuse_unknown(names: Iterable[str], columns: Collection[str]) -> None:
    """Raises `BadInput` for a filter on what the things of a list do not have: one that is passed over would list too much."""
    unknown = sorted(set(names) - set(columns))
    if unknown:
        raise BadInput(
            f"{unknown} is invalid attribute for filtering",
            remedy=f"Filter by {', '.join(sorted(columns))}.",
            code="unknown-filter",
        )


def page_reply(call: Call, key: str, rows: Iterable[Row], *, identity: str = "id") -> Reply:
    """A page that is filtered, sorted and cut already; of each row the asked fields, and where the next page is.

    `identity` is the column that a marker names.
    """
    page = with_tags(call, rows) if key.removesuffix("s") in _TAGGED else list(rows)
    body: dict[str, object] = {key: [_cut(call, row) for row in page]}
    limit = call.number("limit")
    if limit and len(page) == limit:
        query = [pair for pair in call.query.multi_items() if pair[0] != "marker"]
        back = call.flag("page_reverse")
        rest = urlencode([*query, ("marker", str(page[0 if back else -1][identity]))])
        where = f"/network/v2.0/{key.replace('_', '-')}"
        link = {"rel": "previous" if back else "next", "href": f"{call.url(where)}?{rest}"}
        body[f"{key}_links"] = [link]
    return Reply(body)


def one(call: Call, key: str, rows: Iterable[Row], *, identity: str = "id") -> Reply:
    """The row whose id is in the path; raises `NotFound`."""
    for row in rows:
        if row[identity] == call.path["id"]:
            return Reply({key: _cut(call, with_tags(call, [row])[0] if key in _TAGGED else row)})
    word = key.replace("_", " ")
    raise NotFound(
        f"{word.capitalize()} {call.path['id']} could not be found", code=f"{key.replace('_', '-')}-not-found"
    )


def one_or_many(key: str, thing: Definition) -> Schema:
    """The schema of a body that wishes for one thing, or for many under the plural of its key."""
    many = {"type": "array", "minItems": 1, "maxItems": _MOST_AT_ONCE, "items": thing}
    whole = {"properties": {key: thing, f"{key}s": many}, "minProperties": 1, "maxProperties": 1}
    return Schema({"type": "object", "additionalProperties": False, **whole})


def wanted(call: Call, key: str) -> list[dict[str, Any]]:
    """What a body of `one_or_many` wishes for."""
    return [call.body[key]] if key in call.body else list(call.body[f"{key}s"])


def made(call: Call, key: str, rows: list[Row]) -> Reply:
    """The answer to a body of `one_or_many`, in its own form."""
    return Reply({key: rows[0]} if key in call.body else {f"{key}s": rows}, 201)


def changed_reply(call: Call, key: str, row: Row) -> Reply:
    """The answer to a change: the row with its tags."""
    return Reply({key: with_tags(call, [row])[0]})


def _matches(row: Row, name: str, values: set[str]) -> bool:
    """A column that is a list matches by any member."""
    column = row.get(name)
    if isinstance(column, list):
        return any(str(each).lower() in values for each in column)
    return str("" if column is None else column).lower() in values


def _page(call: Call, rows: list[Row], columns: Collection[str]) -> list[Row]:
    for key, order in reversed(list(zip(call.query.getlist("sort_key"), orders(call), strict=False))):
        if key not in columns:
            raise BadInput(
                f"{key} is invalid attribute for sort_keys",
                remedy=f"Sort by {', '.join(sorted(columns))}.",
                code="unknown-sort-key",
            )
        rows = sorted(rows, key=partial(_place, key), reverse=order == "desc")
    limit = call.number("limit")
    back = call.flag("page_reverse")
    at = len(rows) if back else 0
    if marker := call.text("marker"):
        ids = [row["id"] for row in rows]
        if marker not in ids:
            raise BadInput(f"Marker {marker} could not be found", code="unknown-marker")
        at = ids.index(marker) + (0 if back else 1)
    if back:
        return rows[max(0, at - limit) : at] if limit else rows[:at]
    return rows[at : at + limit] if limit else rows[at:]


def _place(key: str, row: Row) -> tuple[bool, Any]:
    """What a row is sorted by: numbers as numbers, and what has none comes last."""
    value = row.get(key)
    return value is None, "" if value is None else value


def orders(call: Call) -> list[str]:
    """The directions of the sort keys of a query, ascending where it names none; raises `BadInput` for another word."""
    given = call.query.getlist("sort_dir")
    if set(given) - {"asc", "desc"}:
        raise BadInput(f"{given} is not a direction", remedy="Use asc or desc.", code="unknown-sort-key")
    return given + ["asc"] * max(0, len(call.query.getlist("sort_key")) - len(given))


def _cut(call: Call, row: Row) -> Row:
    fields = set(call.query.getlist("fields"))
    return {name: value for name, value in row.items() if name in fields} if fields else row
