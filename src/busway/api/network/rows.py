"""Lists of the network API: equal filters, `fields`, sorting and pages, as Neutron's clients use them."""

from __future__ import annotations

from collections.abc import Iterable

from busway.api.call import Call, Reply
from busway.domain.errors import BadInput, NotFound, NotSupported

Row = dict[str, object]

_PAGING = frozenset({"fields", "limit", "marker", "sort_key", "sort_dir", "page_reverse"})


def listing(call: Call, key: str, rows: Iterable[Row]) -> Reply:
    """The rows whose columns equal the query's, cut to the asked fields, from after `marker` on and at most `limit`."""
    asked: dict[str, set[str]] = {}
    for name, value in call.query.multi_items():
        if name not in _PAGING:
            asked.setdefault(name, set()).add(value.lower())
    kept = [row for row in rows if all(_matches(row, name, values) for name, values in asked.items())]
    page = _page(call, kept)
    return Reply({key: [_cut(call, row) for row in page]})


def page_reply(call: Call, key: str, rows: Iterable[Row]) -> Reply:
    """A page that is filtered, sorted and cut already; of each row the asked fields."""
    return Reply({key: [_cut(call, row) for row in rows]})


def one(call: Call, key: str, rows: Iterable[Row]) -> Reply:
    """The row whose id is in the path; raises `NotFound`."""
    for row in rows:
        if row["id"] == call.path["id"]:
            return Reply({key: _cut(call, row)})
    word = key.replace("_", " ")
    raise NotFound(
        f"{word.capitalize()} {call.path['id']} could not be found", code=f"{key.replace('_', '-')}-not-found"
    )


def write_rule(method: str, kind: str) -> str:
    """Neutron's name of the rule for a write of a thing of a kind, such as "floatingips"."""
    verb = {"POST": "create", "PUT": "update", "DELETE": "delete"}[method]
    return f"{verb}_{kind.removesuffix('s').replace('-', '_')}"


def unsupported(_call: Call) -> Reply:
    """The answer to what Busway's networks have none of."""
    raise NotSupported(
        "Busway has no routers and no floating addresses",
        detail="A network of type local leads out through its host; one of type flat or vlan leads where the bridge does.",
        remedy="Use the networks and ports alone.",
        code="network-not-supported",
    )


def _matches(row: Row, name: str, values: set[str]) -> bool:
    """Neutron ignores filters on columns that it does not have; a column that is a list matches by any member."""
    if name == "fixed_ips":
        held = row.get("fixed_ips")
        words = (
            {f"{key}={value}".lower() for each in held for key, value in each.items()}
            if isinstance(held, list)
            else set()
        )
        return values <= words
    if name not in row:
        return True
    column = row[name]
    if isinstance(column, list):
        return any(str(each).lower() in values for each in column)
    return str(column).lower() in values


def _page(call: Call, rows: list[Row]) -> list[Row]:
    for key, order in reversed(list(zip(call.query.getlist("sort_key"), orders(call), strict=False))):
        rows = sorted(rows, key=lambda row: str(row.get(key, "")), reverse=order == "desc")
    if marker := call.text("marker"):
        ids = [row["id"] for row in rows]
        if marker not in ids:
            raise BadInput(f"Marker {marker} could not be found", code="unknown-marker")
        rows = rows[ids.index(marker) + 1 :]
    limit = call.number("limit")
    return rows if not limit else rows[:limit]


def orders(call: Call) -> list[str]:
    """The directions of the sort keys of a query, ascending where it names none."""
    given = call.query.getlist("sort_dir")
    return given + ["asc"] * max(0, len(call.query.getlist("sort_key")) - len(given))


def _cut(call: Call, row: Row) -> Row:
    fields = set(call.query.getlist("fields"))
    return {name: value for name, value in row.items() if name in fields} if fields else row
