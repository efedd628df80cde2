"""Lists of the network API: equal filters, `fields`, and what a list that is always empty looks like."""

from __future__ import annotations

from collections.abc import Iterable

from busway.api.call import Call, Reply
from busway.domain.errors import NotFound, NotSupported

Row = dict[str, object]

_PAGING = frozenset({"fields", "limit", "marker", "sort_key", "sort_dir", "page_reverse"})


def listing(call: Call, key: str, rows: Iterable[Row]) -> Reply:
    """The rows whose columns equal the query's, cut to the asked fields."""
    asked: dict[str, set[str]] = {}
    for name, value in call.query.multi_items():
        if name not in _PAGING:
            asked.setdefault(name, set()).add(value.lower())
    kept = [row for row in rows if all(_matches(row, name, values) for name, values in asked.items())]
    return Reply({key: [_cut(call, row) for row in kept]})


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
    """Neutron's name of the rule for a write of a thing of a kind, such as "security-groups"."""
    verb = {"POST": "create", "PUT": "update", "DELETE": "delete"}[method]
    return f"{verb}_{kind.removesuffix('s').replace('-', '_')}"


def read_only(_call: Call) -> Reply:
    """The answer to every write."""
    raise NotSupported(
        "Busway's networks can't be changed through the API",
        detail="There is one network, made from the operator's configuration; ports come and go with servers.",
        remedy="Change network_name, network_cidr and the range in the configuration.",
        code="network-read-only",
    )


def _matches(row: Row, name: str, values: set[str]) -> bool:
    # Neutron ignores filters on columns that it does not have.
    return name not in row or str(row[name]).lower() in values


def _cut(call: Call, row: Row) -> Row:
    fields = set(call.query.getlist("fields"))
    return {name: value for name, value in row.items() if name in fields} if fields else row
