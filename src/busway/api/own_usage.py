"""Usage under /busway/v1: device-seconds by project, user, model, server or host, and the entries that they are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from busway.api.answer import NUMBER, REAL, TEXT, TRUTH, Property, array, nullable, optional, shape, wrap, wrap_list
from busway.api.answer_types import of_type
from busway.api.call import Call, Reply
from busway.api.encoding import micro_time
from busway.api.operation import Operation
from busway.api.schema import COUNT, FLAG, WORD, Definition, as_moment
from busway.control import quotas, usage
from busway.store.ledger import BY, Entry, Line

_ROOT = "/busway/v1/usage"
_SECOND = 1_000_000
_DEFAULT, _FIRST = timedelta(days=30), datetime.min.replace(tzinfo=UTC)
_FLAGS = {"all_projects": FLAG}


def _sum(call: Call) -> Reply:
    by = list(dict.fromkeys((call.text("by") or "project").split(",")))
    found = usage.sum_usage(call.control, call.caller, *_window(call), by, _project(call))
    lines = [_line(line, found.names) for line in found.lines]
    return Reply({"usage": {"start": _time(found.start), "end": _time(found.end), "by": by, "lines": lines}})


def _entries(call: Call) -> Reply:
    limit, marker = call.number("limit") or usage.MOST_ENTRIES, call.text("marker") or ""
    found = usage.list_entries(call.control, call.caller, *_window(call), _project(call), limit, marker)
    entries = [_entry(entry) for entry in found.entries]
    return Reply(
        {"start": _time(found.start), "end": _time(found.end), "entries": entries, "marker": found.marker or None}
    )


def _project(call: Call) -> str | None:
    """The project that is asked about; None is all of them."""
    if call.flag("all_projects"):
        return None
    return quotas.project_of(call.control, call.caller, call.text("project") or "")


def _window(call: Call) -> tuple[datetime, datetime]:
    now = call.control.now()
    end = as_moment(call.text("end"), "end") or now
    return as_moment(call.text("start"), "start") or max(min(end, now), _FIRST + _DEFAULT) - _DEFAULT, end


def _line(line: Line, names: dict[str, str]) -> dict[str, object]:
    shown: dict[str, object] = dict(line.group)
    for kind in ("project", "user"):
        if f"{kind}_id" in line.group:
            shown[f"{kind}_name"] = names.get(line.group[f"{kind}_id"], "")
    return {
        **shown,
        "devices": line.entries,
        "allocated_seconds": line.allocated_us / _SECOND,
        "held_seconds": line.held_us / _SECOND,
    }


def _entry(entry: Entry) -> dict[str, object]:
    shown: dict[str, object] = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    for name in ("claimed", "allocated", "released", "freed"):
        moment = getattr(entry, name)
        shown[name] = None if moment is None else _time(moment)
    return {**shown, "companion": entry.alias is None}


def _time(moment: datetime) -> str:
    return f"{micro_time(moment)}Z"


_QUERY: Definition = {"start": WORD, "end": WORD, "project": WORD, **_FLAGS}
_TIMES = dict.fromkeys(("claimed", "allocated", "released", "freed"), nullable(TEXT))
_ENTRY: dict[str, Property] = {**of_type(Entry)["properties"], **_TIMES, "companion": TRUTH}
_GROUPS = dict.fromkeys(
    (*(name for names in BY.values() for name in names), "project_name", "user_name"), optional(nullable(TEXT))
)
_LINE = shape({**_GROUPS, "devices": NUMBER, "allocated_seconds": REAL, "held_seconds": REAL}, "Line")

OPERATIONS = (
    Operation(
        "GET",
        _ROOT,
        _sum,
        query={**_QUERY, "by": WORD},
        rule="busway:usage",
        answer=wrap("usage", shape({"start": TEXT, "end": TEXT, "by": array(TEXT), "lines": array(_LINE)})),
    ),
    Operation(
        "GET",
        f"{_ROOT}/entries",
        _entries,
        query={**_QUERY, "limit": COUNT, "marker": WORD},
        rule="busway:usage",
        answer=wrap_list("entries", shape(_ENTRY, "Entry"), start=TEXT, end=TEXT, marker=nullable(TEXT)),
    ),
)
