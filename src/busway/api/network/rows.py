"""Lists of the network API: equal filters, `fields`, sorting and pages, as Neutron's clients use them; and bodies for many things."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlencode

from busway.api.call import Call, Reply
from busway.api.schema import Definition, Schema
from busway.domain.errors import BadInput, NotFound

Row = dict[str, object]

PAGING = frozenset({"fields", "limit", "marker", "sort_key", "sort_dir", "page_reverse"})
# Nothing has tags: these let nothing through, and the others everything.
_TAGGED, _UNTAGGED = frozenset({"tags", "tags-any"}), frozenset({"not-tags", "not-tags-any"})
_MOST_AT_ONCE = 100


def listing(call: Call, key: str, rows: Iterable[Row], columns: Collection[str]) -> Reply:
    """The rows whose columns equal the query's, cut to the asked fields, from after `marker` on and at most `limit`."""
    asked: dict[str, set[str]] = {}
    for name, value in call.query.multi_items():
        if name not in PAGING:
            asked.setdefault(name, set()).add(value.lower())
    refuse_unknown(asked, columns)
    kept = [row for row in rows if all(_matches(row, name, values) for name, values in asked.items())]
    return page_reply(call, key, _page(call, kept, columns))


def refuse_unknown(names: Iterable[str], columns: Collection[str]) -> None:
    """Raises `BadInput` for a filter on what the things of a list do not have: one that is passed over would list too much."""
    unknown = sorted(set(names) - set(columns) - _TAGGED - _UNTAGGED)
    if unknown:
        raise BadInput(
            f"{unknown} is invalid attribute for filtering",
            remedy=f"Filter by {', '.join(sorted(columns))}.",
            code="unknown-filter",
        )


def page_reply(call: Call, key: str, rows: Iterable[Row]) -> Reply:
    """A page that is filtered, sorted and cut already; of each row the asked fields, and where the next page is."""
    page = list(rows)
    body: dict[str, object] = {key: [_cut(call, row) for row in page]}
    limit = call.number("limit")
    if limit and len(page) == limit:
        query = [pair for pair in call.query.multi_items() if pair[0] != "marker"]
        back = call.flag("page_reverse")
        rest = urlencode([*query, ("marker", str(page[0 if back else -1]["id"]))])
        where = f"/network/v2.0/{key.replace('_', '-')}"
        link = {"rel": "previous" if back else "next", "href": f"{call.url(where)}?{rest}"}
        body[f"{key}_links"] = [link]
    return Reply(body)


def one(call: Call, key: str, rows: Iterable[Row]) -> Reply:
    """The row whose id is in the path; raises `NotFound`."""
    for row in rows:
        if row["id"] == call.path["id"]:
            return Reply({key: _cut(call, row)})
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


def _matches(row: Row, name: str, values: set[str]) -> bool:
    """A column that is a list matches by any member."""
    if name in _TAGGED or name in _UNTAGGED:
        return name in _UNTAGGED
    if name == "fixed_ips":
        held = row.get("fixed_ips")
        return isinstance(held, list) and all(_has_address(held, value) for value in values)
    column = row.get(name)
    if isinstance(column, list):
        return any(str(each).lower() in values for each in column)
    return str("" if column is None else column).lower() in values


def _has_address(held: list[dict[str, str]], value: str) -> bool:
    """True when one of a port's addresses is as `ip_address=…`, `subnet_id=…` or `ip_address_substr=…` say."""
    key, _, text = value.partition("=")
    if key not in ("ip_address", "subnet_id", "ip_address_substr"):
        raise BadInput(f"fixed_ips are not filtered by '{key}'", code="unknown-filter")
    if key == "ip_address_substr":
        return any(text in each["ip_address"] for each in held)
    return any(each[key] == text for each in held)


def _page(call: Call, rows: list[Row], columns: Collection[str]) -> list[Row]:
    for key, order in reversed(list(zip(call.query.getlist("sort_key"), orders(call), strict=False))):
        if key not in columns:
            raise BadInput(f"{key} is invalid attribute for sort_keys", code="unknown-sort-key")
        rows = sorted(rows, key=lambda row: str(row.get(key, "")), reverse=order == "desc")
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


def orders(call: Call) -> list[str]:
    """The directions of the sort keys of a query, ascending where it names none; raises `BadInput` for another word."""
    given = call.query.getlist("sort_dir")
    if set(given) - {"asc", "desc"}:
        raise BadInput(f"{given} is not a direction", remedy="Use asc or desc.", code="unknown-sort-key")
    return given + ["asc"] * max(0, len(call.query.getlist("sort_key")) - len(given))


def _cut(call: Call, row: Row) -> Row:
    fields = set(call.query.getlist("fields"))
    return {name: value for name, value in row.items() if name in fields} if fields else row
