"""What became of each test, and why: classes that failed or were skipped as a whole, and one cause for many failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "skipped"]
_CLASS = re.compile(r"^(?:setUpClass|tearDownClass) \((?P<name>[\w.]+)\)$")
_REQUEST = re.compile(r"Request \((?P<who>[\w:]+)\): (?P<status>\d{3}) (?P<method>[A-Z]+) \S+?//[^/]+(?P<path>/\S*)")
_ID = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b")
_MADE_UP = re.compile(r"tempest-[\w.-]+")
_IDEMPOTENT = re.compile(r"\[(?:[^\]]*,)?id-(?P<id>[0-9a-f-]{36})[,\]]")
_ATTRIBUTES = re.compile(r"\[[^\]]*\]")
_NOT_RUN = "did not run: its part was ended"
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: its dotted name, what became of it, the reason of a skip or the cause of a failure, and its idempotent id."""

    name: str
    status: Status
    why: str = ""
    id: str = ""


def read_outcomes(listed: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> list[Outcome]:
    """Return one outcome for each listed test, by its own line or by that of its class's set-up."""
    tests = {short(name) for name in listed}
    own: dict[str, Outcome] = {}
    classes: dict[str, Outcome] = {}
    for line in lines:
        found = _outcome(line)
        if found is None:
            continue
        if whole := _CLASS.match(line["id"]):
            classes[whole["name"]] = found
        elif found.name in tests:
            own[found.name] = found
    return [own[name] if name in own else _by_class(name, classes) for name in sorted(tests)]


def _by_class(name: str, classes: Mapping[str, Outcome]) -> Outcome:
    whole = classes.get(name.rpartition(".")[0])
    return Outcome(name, whole.status, whole.why) if whole else Outcome(name, "failed", _NOT_RUN)


def _outcome(line: Mapping[str, Any]) -> Outcome | None:
    if line["status"] not in {"passed", "failed", "skipped"}:
        return None
    name = short(line["id"])
    if line["status"] == "skipped":
        return Outcome(name, "skipped", _tidy(line.get("reason", "")))
    return Outcome(name, line["status"], cause(line) if line["status"] == "failed" else "")


def short(test_id: str) -> str:
    """Return a test's dotted name, without the attributes in brackets; what it is run with, in parentheses, stays."""
    return _ATTRIBUTES.sub("", test_id).strip()


def idempotent_id(test_id: str) -> str:
    """Return the id that a test keeps when it is renamed, "" where it has none."""
    found = _IDEMPOTENT.search(test_id)
    return found["id"] if found else ""


def cause(line: Mapping[str, Any]) -> str:
    """Return what a failure's last request and exception have in common with those of the same root."""
    request = _last_request(short(str(line["id"])).rpartition(".")[2], line.get("pythonlogging", ""))
    return f"{request}: {_exception(line.get('traceback', ''))}" if request else _exception(line.get("traceback", ""))


def _last_request(test: str, log: str) -> str:
    requests = list(_REQUEST.finditer(log))
    own = [each for each in requests if each["who"].endswith((f":{test}", ":setUp", ":setUpClass"))] or requests
    if not own:
        return ""
    return f"{own[-1]['status']} {own[-1]['method']} {_tidy(own[-1]['path'].split('?')[0])}"


def _exception(traceback: str) -> str:
    """The last exception's first line and what it tells in `Details`."""
    lines = [line for line in traceback.splitlines() if line and not line.startswith((" ", "\t", "Traceback"))]
    starts = [
        number for number, line in enumerate(lines) if re.match(r"[\w.]*(Error|Exception|Fault|[A-Z]\w+)\b", line)
    ]
    chosen = lines[starts[0] :] if len(starts) == 1 else lines[-3:]
    shown = (
        " ".join(dict.fromkeys(chosen)).replace("testtools.matchers._impl.", "").replace("tempest.lib.exceptions.", "")
    )
    return _tidy(shown) or "no traceback"


def _tidy(text: str) -> str:
    """One line in which ids and made-up names are gone, of bounded length."""
    plain = _MADE_UP.sub("NAME", _ID.sub("ID", " ".join(text.split())))
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."


def count(outcomes: Iterable[Outcome]) -> dict[Status, int]:
    """Return how many passed, failed and were skipped."""
    totals: dict[Status, int] = {"passed": 0, "failed": 0, "skipped": 0}
    for each in outcomes:
        totals[each.status] += 1
    return totals


def by_why(outcomes: Iterable[Outcome], status: Status) -> list[tuple[str, list[str]]]:
    """Return reasons or causes with their tests, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for each in outcomes:
        if each.status == status:
            groups.setdefault(each.why, []).append(each.name)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
