"""Usage: who used how many devices for how long, exact from the ledger; and how many were in use over time, as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.responses import Response

from busway.control.usage import sum_over_time, sum_usage
from busway.policy import allows
from busway.store.ledger import Line
from busway.web.page import Page, View
from busway.web.texts import texts

# The days of a period, and how many stretches of time its plot has.
PERIODS: Mapping[str, tuple[int, int]] = {"1": (1, 24), "7": (7, 28), "30": (30, 30), "90": (90, 45)}
GROUPS = ("project", "user", "model", "server", "host")
_MOST_LINES = 200
_MOST_SERIES = 6
_EVERYBODY = "busway:usage:all-projects"


def _show(view: View) -> Response:
    period = view.query("days") if view.query("days") in PERIODS else "30"
    by = view.query("by") if view.query("by") in GROUPS else "model"
    may_all = allows(view.caller, _EVERYBODY)
    everybody = may_all and view.query("all") != "0"
    project = None if everybody else str(view.caller.project_id)
    days, count = PERIODS[period]
    end = view.control.now()
    used = sum_usage(view.control, view.caller, end - timedelta(days=days), end, [by], project)
    step = timedelta(days=days) / count
    starts = [end - step * (count - number) for number in range(count)]
    over_time = sum_over_time(view.control, view.caller, [(at, min(at + step, end)) for at in starts], project)
    values: dict[str, Any] = {
        "lines": [(_name(line, used.names), line) for line in used.lines[:_MOST_LINES]],
        "more": max(len(used.lines) - _MOST_LINES, 0),
        "plot": _plot(starts, step, over_time),
        "period": period,
        "periods": list(PERIODS),
        "by": by,
        "groups": GROUPS,
        "may_all": may_all,
        "everybody": everybody,
    }
    return view.render("usage.html", **values)


def _name(line: Line, names: Mapping[str, str]) -> str:
    """What a line is of: the name of a server, user or project where it is known, else its id."""
    group = line.group
    if "model" in group:
        return group["model"] or f"{group['vendor_id']}:{group['product_id']}"
    if "server_name" in group:
        return group["server_name"] or group["server_id"]
    last = group.get("host") or group.get("user_id") or group["project_id"]
    return names.get(last, last)


def _plot(starts: Sequence[datetime], step: timedelta, over_time: Sequence[Sequence[Line]]) -> str:
    """The mean number of devices in use in each stretch, for the models that were used most, as JSON for the script."""
    sums: dict[str, int] = {}
    for lines in over_time:
        for line in lines:
            name = _name(line, {})
            sums[name] = sums.get(name, 0) + line.allocated_us
    shown = sorted(sums, key=lambda name: (-sums[name], name))[:_MOST_SERIES]
    whole = step / timedelta(microseconds=1)
    series = []
    for name in shown:
        found = [sum(line.allocated_us for line in lines if _name(line, {}) == name) for lines in over_time]
        series.append({"label": name, "values": [round(us / whole, 4) for us in found]})
    times = [round((at + step / 2).timestamp()) for at in starts]
    return msgspec.json.encode(
        {"times": times, "series": series, "axis": texts().usage.axis, "time": texts().usage.time}
    ).decode()


PAGES = (Page("GET", "/usage", _show, rule="busway:usage"),)
