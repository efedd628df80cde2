"""Fit: where servers of a flavor would land, or why not on each host; it is the placer's own decision, with nothing written."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from busway.control.devices.listing import list_devices
from busway.control.flavors import list_flavors
from busway.control.hosts.registry import list_hosts
from busway.control.placement.plan import Plan, plan
from busway.domain.errors import BadInput, BuswayError
from busway.store.devices import DeviceFilter
from busway.web.map.layout import Cabinet, layout
from busway.web.map.names import drawing_values
from busway.web.page import Page, View
from busway.web.words import devices_in_words

_ADDRESS = re.compile(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b")


def _show(view: View) -> Response:
    flavors = list_flavors(view.control, view.caller, None)
    chosen = view.query("flavor")
    made, error = _decide(view, chosen)
    values: dict[str, Any] = {
        "flavors": flavors,
        "devices": {flavor.id: devices_in_words(flavor) for flavor in flavors},
        "chosen": next((flavor for flavor in flavors if chosen in (flavor.id, flavor.name)), None),
        "count": view.query("count") or "1",
        "plan": made,
        "per_host": _per_host(made),
    }
    return view.render("fit.html", error, **values, **_drawn(view, made))


def _decide(view: View, flavor: str) -> tuple[Plan | None, BuswayError | None]:
    if not flavor:
        return None, None
    try:
        count = view.query("count") or "1"
        if not count.isascii() or not count.isdigit() or len(count) > 6:
            raise BadInput("The number of servers is not a whole number", code="form-number")
        return plan(view.control, view.caller, flavor, int(count)), None
    except BuswayError as error:
        return None, error


def _per_host(made: Plan | None) -> list[str]:
    """What is said of each host; admins alone are told."""
    facts = made.refusal.facts if made is not None and made.refusal is not None else ""
    return [line.strip() for line in facts.splitlines() if line.strip()]


def _drawn(view: View, made: Plan | None) -> dict[str, Any]:
    """The hosts on which the servers would land, with those devices marked; nothing for who may not see hosts."""
    hosts = {server.host for server in made.servers if server.host} if made is not None else set()
    if not hosts or not view.may("busway:devices:list"):
        return {"cabinets": [], "landing": {}, **drawing_values(())}
    known = [host for host in list_hosts(view.control, view.caller) if host.name in hosts]
    views = [each for host in known for each in list_devices(view.control, view.caller, DeviceFilter(host=host.name))]
    cabinets: list[tuple[str, Cabinet]] = [
        (host.name, layout(each for each in views if each.host == host.name)) for host in known
    ]
    landing: dict[str, set[str]] = {name: set() for name in hosts}
    for server in made.servers if made is not None else ():
        landing[server.host].update(found for line in server.devices for found in _ADDRESS.findall(line)[:1])
    return {"cabinets": cabinets, "landing": landing, **drawing_values(views)}


PAGES = (Page("GET", "/fit", _show, rule="busway:plan"),)
