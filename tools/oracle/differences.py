"""The classes of difference that are meant: each a name, found in docs/reference/nova-differences.md, and a test for it.

A point is one thing on which the two disagree: a whole case, or one device of a case. A test is as narrow as the words of the
refusal or the shape of the values allow, so that a new difference falls into none and is shown as unexplained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
UNEXPLAINED = "unexplained"
_NAMES = ("resource_class", "traits")


@dataclass(frozen=True, slots=True)
class Point:
    """One disagreement; `device` is None when it is about the case as a whole."""

    case: Json
    nova: Any
    ours: Any
    device: Json | None = None

    @property
    def nova_says(self) -> str:
        """Nova's words when it refuses or crashes."""
        return _words(self.nova)

    @property
    def we_say(self) -> str:
        """Busway's words when it refuses."""
        return _words(self.ours)

    def entries(self, *lists: str) -> Iterator[Json]:
        """The JSON objects of the case's aliases or device specs."""
        for name in lists or ("aliases", "specs"):
            for text in self.case.get(name, []):
                yield from _objects(text)


def points(case: Json, nova: Json, ours: Json) -> Iterator[Point]:
    """Yield what the two answers to a case disagree on; a refusal is a refusal whatever its words."""
    if "ok" in nova and "ok" in ours:
        if "devices" in case:
            for device, one, other in zip(case["devices"], nova["ok"], ours["ok"], strict=True):
                if one != other:
                    yield Point(case, one, other, device)
        elif nova["ok"] != ours["ok"]:
            yield Point(case, nova["ok"], ours["ok"])
    elif not ("refused" in nova and "refused" in ours and nova.get("kind") == ours.get("kind")):
        yield Point(case, nova, ours)


def classify(point: Point) -> str:
    """Name the class of a point."""
    return next((name for name, test in CLASSES.items() if test(point)), UNEXPLAINED)


def _words(answer: Any) -> str:
    if not isinstance(answer, dict):
        return ""
    return str(answer.get("refused") or answer.get("crashed") or "")


def _objects(text: str) -> Iterator[Json]:
    try:
        data = json.loads(text)
    except ValueError:
        return
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict):
            yield entry


def _is(answer: Any, outcome: str) -> bool:
    return isinstance(answer, dict) and outcome in answer


def _only_we_refuse(pattern: str) -> Callable[[Point], bool]:
    return lambda point: _is(point.nova, "ok") and re.search(pattern, point.we_say) is not None


def _only_nova_refuses(pattern: str) -> Callable[[Point], bool]:
    return lambda point: _is(point.ours, "ok") and re.search(pattern, point.nova_says) is not None


def _is_bridge(point: Point) -> bool:
    return point.device is not None and point.device["class"].startswith("06") and point.ours is None


def _has_type_key(point: Point) -> bool:
    """True when the rule that Nova takes has the key, or when only a rule with the key keeps ours from being the same."""
    entries = list(point.entries("specs"))
    if point.device is None or not any("device_type" in entry for entry in entries):
        return False
    if isinstance(point.nova, dict):
        return "device_type" in entries[point.nova["spec"]]
    return isinstance(point.nova, bool)


def _lacks_serial(point: Point) -> bool:
    return point.device is not None and not point.device["serial"] and _any_remote_managed(point)


def _any_remote_managed(point: Point) -> bool:
    return any(entry.get("remote_managed") for entry in point.entries("specs"))


def _overrides_pool(point: Point) -> bool:
    return (
        isinstance(point.nova, bool)
        and isinstance(point.ours, bool)
        and any("dev_type" in entry for entry in point.entries("specs"))
    )


def _has_capability(point: Point) -> bool:
    asked = any("capability_type" in entry for entry in point.entries("aliases"))
    return asked and point.nova is False and point.ours is True


def _ends_for_vf(point: Point) -> bool:
    return isinstance(point.nova, str) and "one_time_use" in point.nova


def _spelled_otherwise(point: Point) -> bool:
    """True when names of classes or traits are all that differs, or what a request with odd names differs by."""
    if isinstance(point.nova, bool):
        return isinstance(point.ours, bool) and any(map(_has_odd_name, point.entries()))
    return bool(_without_names(point.nova) == _without_names(point.ours))


def _without_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_names(inner) for key, inner in value.items() if key not in _NAMES}
    return [_without_names(inner) for inner in value] if isinstance(value, list) else value


def _has_odd_name(entry: Json) -> bool:
    words = [str(entry.get("resource_class") or "a"), *str(entry.get("traits") or "a").split(",")]
    return any(
        not word or word != word.strip() or re.match(r"(CUSTOM_.*[^A-Z0-9_]|hw_|HW_FOO)", word) for word in words
    )


def _names_asked(point: Point) -> list[str]:
    """The aliases of a case of the kind "fit", one for each of its requests; none for other kinds."""
    if point.case["kind"] != "fit":
        return []
    return [part.partition(":")[0] for part in point.case["extra_specs"]["pci_passthrough:alias"].split(",")]


def _takes_pf_and_vf(point: Point) -> bool:
    names = set(_names_asked(point))
    return (point.nova, point.ours) == (True, False) and "pf" in names and bool(names & {"vf", "untyped"})


def _takes_what_another_needs(point: Point) -> bool:
    return (point.nova, point.ours) == (False, True) and len(_names_asked(point)) > 1


def _counts_nothing(point: Point) -> bool:
    return _only_we_refuse("is not alias:count")(point) and any(int(count) < 1 for _, count, _ in point.nova["ok"])


CLASSES: dict[str, Callable[[Point], bool]] = {
    "clear-error": lambda point: _is(point.nova, "crashed") and _is(point.ours, "refused"),
    "count-below-one": _counts_nothing,
    "count-form": _only_we_refuse("is not alias:count"),
    "image-policy-empty": lambda point: point.case.get("image_policy") == "" and _is(point.nova, "crashed"),
    "alias-blank-name": _only_we_refuse("'name' is required"),
    "alias-repeat-without-type": _only_nova_refuses(r"definition: 'dev_type'$"),
    "alias-repeat-in-placement": _only_nova_refuses("have multiple specs"),
    "alias-class-empty": _only_we_refuse("are required, or 'resource_class'"),
    "alias-capability-type": _has_capability,
    "hex-form": _only_we_refuse("is not a hexadecimal number|exactly four hex digits"),
    "name-too-long": _only_we_refuse("longer than the 255 characters"),
    "name-spelling": _spelled_otherwise,
    "tag-not-text": _only_we_refuse(r"The tag '|'(physical_network|resource_class|traits|devname)' must be a string"),
    "address-falsy": _only_we_refuse("'address' must be a string"),
    "address-blank-function": _only_nova_refuses(r"property func \(''\)"),
    "device-type-key": lambda point: _has_type_key(point) or _only_we_refuse("'device_type' must be one of")(point),
    "bridge": _is_bridge,
    "one-time-use-report": _only_nova_refuses("one_time_use=true requires"),
    "one-time-use-vf": _ends_for_vf,
    "remote-managed-pf": lambda point: _only_nova_refuses("not found")(point) and _any_remote_managed(point),
    "remote-managed-devname": _only_nova_refuses("is not actually present on the host"),
    "remote-managed-serial": _lacks_serial,
    "pool-key-tag": _overrides_pool,
    "pf-with-its-vf": _takes_pf_and_vf,
    "requests-in-order": _takes_what_another_needs,
}
