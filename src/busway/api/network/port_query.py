"""Which ports a list holds: Neutron's filters, as far as the database compares them."""

from __future__ import annotations

from busway.api.call import Call
from busway.api.network.rows import PAGING, orders
from busway.store.ports import PORT_COLUMNS, PORT_SORT_KEYS, PortFilter


def port_filter(call: Call) -> tuple[PortFilter, bool]:
    """The filter, and whether it says all that the query asks for; else the page is cut of the rows that it lets through."""
    equal: dict[str, set[str]] = {}
    subnets: set[str] = set()
    whole = True
    for name, value in call.query.multi_items():
        if name in PAGING:
            continue
        column, _, text = value.partition("=") if name == "fixed_ips" else (name, "", value)
        if column == "subnet_id":
            subnets.add(text)
        elif column in PORT_COLUMNS and ":" not in (text if column == "ip_address" else "") and text:
            equal.setdefault(column, set()).add(text.lower() if column == "mac_address" else text)
        else:
            whole = False
    sort = tuple(zip(call.query.getlist("sort_key"), orders(call), strict=False))
    whole = whole and not call.flag("page_reverse") and all(key in PORT_SORT_KEYS for key, _ in sort)
    wanted = PortFilter(equal, subnets)
    if not whole:
        return wanted, False
    limit = call.number("limit") or None
    descending = tuple((key, order == "desc") for key, order in sort)
    return PortFilter(equal, subnets, sort=descending, limit=limit, marker=call.text("marker")), True
