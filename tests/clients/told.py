"""What a tool reads of an answer: a path in it, and the type that it is decoded into.

Types are those of Go's encoding/json, which is strict: a number in quotes is no int, and a time has one form. As there, null is
what a field has without a value; `!` after a type says that the tool needs one, `?` that the field may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_MISSING = object()


def _time(form: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        try:
            datetime.strptime(value, form).replace(tzinfo=UTC)
        except (TypeError, ValueError):
            return False
        return True

    return check


def _rfc3339(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None and value[10] == "T"
    except (TypeError, ValueError):
        return False


def _is_all(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(each, kind) for each in value)


TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "texts": lambda value: isinstance(value, dict) and all(isinstance(each, str) for each in value.values()),
    "strings": _is_all(str),
    "objects": _is_all(dict),
    # gophercloud's results.go: time.Time, RFC3339MilliNoZ, RFC3339Milli.
    "time": _rfc3339,
    "time without zone": _time("%Y-%m-%dT%H:%M:%S.%f"),
    "time of a token": lambda value: isinstance(value, str) and value.endswith("Z") and _rfc3339(value),
}


def look_up(body: Any, path: str) -> Any:
    """The value at `server.addresses.private.0.addr`; `type=compute` is the first of a list whose `type` is that."""
    for part in path.split("."):
        if isinstance(body, list):
            body = _among(body, part)
        else:
            body = body.get(part, _MISSING) if isinstance(body, dict) else _MISSING
        if body is _MISSING:
            break
    return body


def _among(rows: list[Any], part: str) -> Any:
    key, _, value = part.partition("=")
    if not value:
        return rows[int(part)] if int(part) < len(rows) else _MISSING
    return next((row for row in rows if row.get(key) == value), _MISSING)


def unread(body: Any, reads: Mapping[str, str]) -> list[str]:
    """What of `reads` the tool could not decode, one line each."""
    found = []
    for path, told in reads.items():
        kind, value = told.rstrip("!?"), look_up(body, path)
        if value is _MISSING:
            found += [] if told.endswith("?") else [f"{path} is missing"]
        elif value is None:
            found += [f"{path} is null"] if told.endswith("!") else []
        elif not TYPES[kind](value):
            found.append(f"{path} is {value!r}, no {kind}")
    return found
