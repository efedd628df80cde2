"""Events: what happened to hosts, servers and devices, the newest first."""

from __future__ import annotations

from starlette.responses import Response

from busway.control.events import list_events
from busway.web.page import Page, View

_MOST = 300


def _list(view: View) -> Response:
    asked = {name: view.query(name) for name in ("server", "device", "host")}
    found = list_events(
        view.control,
        view.caller,
        server=asked["server"] or None,
        device=asked["device"] or None,
        host=asked["host"] or None,
        limit=_MOST,
    )
    return view.render("events.html", events=found, asked=asked)


PAGES = (Page("GET", "/events", _list, rule="busway:events:list"),)
