"""Which networks and subnets a list holds: Neutron's filters, order and pages, all for the database to do."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime

from busway.api.call import Call
from busway.api.network.filter_values import filter_value
from busway.api.network.rows import PAGING, TAG_FILTERS, orders, refuse_unknown, tag_filter
from busway.domain.errors import BadInput
from busway.store.network_list import NetworkFilter

_TIMES = ("created_at", "updated_at")
# Attributes that are lists: nothing comes before another by them.
_LISTS = frozenset({"subnets", "availability_zones", "availability_zone_hints", "dns_nameservers", "service_types"})


def network_filter(call: Call, columns: Collection[str], *, sort_keys: Collection[str] | None = None) -> NetworkFilter:
    """The filter of a query; lists are sorted by all columns that are no lists, or by `sort_keys`. Raises `BadInput` for an attribute, a value or an order that can't be."""
    equal: dict[str, set[str]] = {}
    times: dict[str, set[datetime]] = {}
    for name, value in call.query.multi_items():
        if name in _TIMES:
            times.setdefault(name, set()).add(moment(name, value))
        elif name not in PAGING and name not in TAG_FILTERS:
            equal.setdefault(name, set()).add(filter_value(name, value))
    refuse_unknown([*equal, *times], columns)
    return NetworkFilter(
        equal,
        times,
        tags=tag_filter(call),
        sort=sort_of(call, frozenset(columns) - _LISTS if sort_keys is None else sort_keys),
        limit=call.number("limit") or None,
        marker=call.text("marker"),
        backwards=call.flag("page_reverse"),
    )


def moment(name: str, value: str) -> datetime:
    """A time that a filter names; raises `BadInput` for another text."""
    with suppress(ValueError, OverflowError):  # in UTC it may be in a year that there is not
        found = datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise BadInput(
        f"'{value}' is no time for {name}", remedy="Write it as 2026-01-31T12:00:00Z.", code="unknown-filter"
    )


def sort_of(call: Call, known: Collection[str]) -> tuple[tuple[str, bool], ...]:
    """The order that a query asks for, each attribute with "descending"; raises `BadInput` for one by which nothing is sorted."""
    asked = tuple(zip(call.query.getlist("sort_key"), orders(call), strict=False))
    for key, _ in asked:
        if key not in known:
            raise BadInput(
                f"{key} is invalid attribute for sort_keys",
                remedy=f"Sort by {', '.join(sorted(known))}.",
                code="unknown-sort-key",
            )
    return tuple((key, order == "desc") for key, order in asked)
