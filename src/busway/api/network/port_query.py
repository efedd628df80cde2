"""Which ports a list holds: Neutron's filters, order and pages, all for the database to do."""

from __future__ import annotations

from datetime import datetime

from busway.api.call import Call
from busway.api.network.filter_values import filter_value
from busway.api.network.network_query import moment, sort_of
from busway.api.network.rows import PAGING, TAG_FILTERS, refuse_unknown, tag_filter
from busway.domain.errors import BadInput
from busway.store.port_list import PORT_COLUMNS, PORT_SORT_KEYS, PortFilter

_TIMES = ("created_at", "updated_at")


def port_filter(call: Call) -> PortFilter:
    """The filter of a query; raises `BadInput` for an attribute, a value or an order that can't be."""
    equal: dict[str, set[str]] = {}
    times: dict[str, set[datetime]] = {}
    parts: set[str] = set()
    for name, value in call.query.multi_items():
        if name in PAGING or name in TAG_FILTERS:
            continue
        if name == "fixed_ips":
            key, text = _of_address(value)
            if key == "ip_address_substr":
                parts.add(text)
            else:
                equal.setdefault(key, set()).add(text)
        elif name in _TIMES:
            times.setdefault(name, set()).add(moment(name, value))
        else:
            equal.setdefault(name, set()).add(filter_value(name, value))
    refuse_unknown(equal, PORT_COLUMNS)
    return PortFilter(
        equal,
        times,
        address_parts=parts,
        tags=tag_filter(call),
        sort=sort_of(call, PORT_SORT_KEYS),
        limit=call.number("limit") or None,
        marker=call.text("marker"),
        backwards=call.flag("page_reverse"),
    )


def _of_address(value: str) -> tuple[str, str]:
    """What `ip_address=…`, `subnet_id=…` or `ip_address_substr=…` asks of a port's addresses."""
    key, _, text = value.partition("=")
    if key not in ("ip_address", "subnet_id", "ip_address_substr"):
        raise BadInput(
            f"fixed_ips are not filtered by '{key}'",
            remedy="Filter by ip_address=…, subnet_id=… or ip_address_substr=….",
            code="unknown-filter",
        )
    return key, text
