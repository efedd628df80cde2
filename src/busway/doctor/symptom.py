"""Answers log lines from a dictionary of symptoms: cause, the check that looks for it, and the fix; or "unknown".

The dictionary is data (`symptoms.toml`). A line is matched by pattern; where several match, the first entry answers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("symptoms.toml")
_LONGEST = 4000  # characters of a line that are looked at
_UNNAMED = {"group": "of the device", "bar": "of the device", "ms": "some", "method": "its reset", "state": "sleep"}


@dataclass(frozen=True, slots=True)
class Symptom:
    """One entry: `finding` is the code of a doctor's check, "" where none can see the cause."""

    name: str
    finding: str
    patterns: tuple[re.Pattern[str], ...]
    cause: str
    fix: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A line that was understood; `count` lines of the text say the same, `number` is the first of them."""

    symptom: Symptom
    line: str
    number: int
    cause: str
    fix: str
    count: int = 1


@cache
def symptoms() -> tuple[Symptom, ...]:
    """The dictionary."""
    entries = tomllib.loads(_FILE.read_text("utf-8"))["symptom"]
    return tuple(_entry(entry) for entry in entries)


def explain(lines: Iterable[str]) -> tuple[Answer, ...]:
    """Answers every line that is known; lines with the same answer count as one."""
    found: dict[tuple[str, str], Answer] = {}
    for number, line in enumerate(lines, 1):
        answer = explain_line(line, number)
        if answer is None:
            continue
        key = answer.symptom.name, answer.cause
        found[key] = replace(found[key], count=found[key].count + 1) if key in found else answer
    return tuple(found.values())


def explain_line(line: str, number: int = 1) -> Answer | None:
    """Answers one line; None when it is unknown."""
    text = line[:_LONGEST].strip()
    for symptom in symptoms():
        for pattern in symptom.patterns:
            match = pattern.search(text)
            if match:
                words = _Words(_UNNAMED | {name: value for name, value in match.groupdict().items() if value})
                return Answer(symptom, text, number, symptom.cause.format_map(words), symptom.fix.format_map(words))
    return None


class _Words(dict[str, str]):
    """What a pattern has caught; a name that it did not catch becomes "it"."""

    def __missing__(self, key: str) -> str:
        return "it"


def _entry(entry: dict[str, object]) -> Symptom:
    def words(name: str) -> tuple[str, ...]:
        value = entry[name]
        assert isinstance(value, list)
        return tuple(map(str, value))

    return Symptom(
        name=str(entry["name"]),
        finding=str(entry["finding"]),
        patterns=tuple(re.compile(pattern, re.IGNORECASE) for pattern in words("patterns")),
        cause=str(entry["cause"]),
        fix=str(entry["fix"]),
        examples=words("examples"),
    )
