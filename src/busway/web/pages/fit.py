"""Fit: where servers of a flavor would land, or why not on each host; it is the placer's own decision, with nothing written."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from busway.control.devices.listing import list_devices
from busway.control.flavors import list_flavors
from busway.control.placement.plan import Decision, decide
from busway.domain.alias import ALIAS_EXTRA_SPEC, parse_alias_counts
from busway.domain.errors import BadInput, BuswayError, NotFound
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId
from busway.store.devices import DeviceFilter
from busway.web.map.layout import layout
from busway.web.map.names import drawing_values
from busway.web.page import Page, View
from busway.web.words import devices_in_words

_LEAST_RAM_MB = 512
_MOST_DRAWN = 40
_ADDRESS = re.compile(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b")


def _show(view: View) -> Response:
    flavors = list_flavors(view.control, view.caller, None)
    devices = {flavor.id: devices_in_words(flavor) for flavor in flavors}
    chosen = next((each for each in flavors if view.query("flavor") in (each.id, each.name)), None)
    asked = view.query("devices") or view.query("flavor")
    decision: Decision | None = None
    error: BuswayError | None = None
    wanted = chosen
    try:
        wanted = _wish(view) if view.query("devices") else chosen
        if asked and wanted is None:
            raise NotFound(f"Flavor {asked} could not be found", code="flavor-not-found")
        decision = decide(view.control, view.caller, wanted, _count(view)) if wanted is not None else None
    except BuswayError as refused:
        error = refused
    like = [each for each in flavors if wanted is not None and devices[each.id] == devices_in_words(wanted)]
    values: dict[str, Any] = {
        "flavors": flavors,
        "devices": devices,
        "chosen": chosen if not view.query("devices") else None,
        "asked_devices": view.query("devices"),
        "like": like if view.query("devices") else [chosen] if chosen else [],
        "count": view.query("count") or "1",
        "plan": decision.plan if decision else None,
        **_drawn(view, decision),
    }
    return view.render("fit.html", error, **values)


def _count(view: View) -> int:
    text = view.query("count") or "1"
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadInput("The number of servers is not a whole number", code="form-number")
    return int(text)


def _wish(view: View) -> Flavor:
    """What was asked for in words, as a flavor that is in no list: "h200:4" is four devices of an alias."""
    text = view.query("devices")
    parse_alias_counts(text)
    return Flavor(
        FlavorId("wish"), text, ram_mb=_LEAST_RAM_MB, vcpus=1, disk_gb=0, extra_specs={ALIAS_EXTRA_SPEC: text}
    )


def _drawn(view: View, decision: Decision | None) -> dict[str, Any]:
    """Hosts with the devices on which servers would land, or with why not; nothing for who may not see hosts."""
    landing: dict[str, set[str]] = {}
    for server in decision.plan.servers if decision else ():
        if server.host:
            addresses = (_ADDRESS.search(line) for line in server.devices)
            landing.setdefault(server.host, set()).update(found[0] for found in addresses if found)
    refused = {each.host: each for each in decision.hosts[:_MOST_DRAWN]} if decision else {}
    names = [*landing, *refused]
    if not names or not view.may("busway:devices:list"):
        return {"cabinets": [], "landing": {}, "refused": {}, **drawing_values(())}
    views = [each for name in names for each in list_devices(view.control, view.caller, DeviceFilter(host=name))]
    cabinets = [(name, layout(each for each in views if each.host == name)) for name in names]
    return {"cabinets": cabinets, "landing": landing, "refused": refused, **drawing_values(views)}


PAGES = (Page("GET", "/fit", _show, rule="busway:plan"),)
