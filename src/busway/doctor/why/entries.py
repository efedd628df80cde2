"""The dictionary of `why`: symptoms by emitter, read from the files beside `busway/doctor/symptoms`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from busway.doctor.why.line import Line

FOLDER = Path(__file__).parent.parent / "symptoms"
_TABLES = frozenset({"xids.toml", "reasons.toml"})


@dataclass(frozen=True, slots=True)
class Emitter:
    """Who writes lines: `origins` are those of `Line`, `speakers` who of the kernel; "" takes any."""

    name: str
    origins: frozenset[str]
    speakers: re.Pattern[str] | None = None

    def can_have_written(self, line: Line) -> bool:
        """False when the frame of the line names somebody else; a line without a frame can be anybody's."""
        if line.origin and line.origin not in self.origins:
            return False
        return self.speakers is None or line.origin != "kernel" or self.speakers.fullmatch(line.speaker) is not None


@dataclass(frozen=True, slots=True)
class Spelling:
    """One form of a message; `of` is the versions that write it so, "" for all that are known."""

    pattern: re.Pattern[str]
    of: str = ""


@dataclass(frozen=True, slots=True)
class Symptom:
    """One entry. `finding` is the code of a doctor's check, "" where none can see the cause.

    `where` are values that parts of the line must have; `follows` are entries that cause this one; a `note` looks alarming
    and is harmless; a `wrapper` quotes another program, whose words say more.
    """

    name: str
    emitter: Emitter
    spellings: tuple[Spelling, ...]
    means: str
    do: str
    source: str
    examples: tuple[str, ...]
    finding: str = ""
    is_note: bool = False
    is_wrapper: bool = False
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    follows: tuple[str, ...] = ()


@cache
def symptoms() -> tuple[Symptom, ...]:
    """The dictionary: an entry that quotes others comes after all of them."""
    found = [entry for path in sorted(FOLDER.glob("*.toml")) if path.name not in _TABLES for entry in _read(path)]
    return tuple(sorted(found, key=lambda one: one.is_wrapper))


@cache
def read_table(name: str) -> dict[str, Any]:
    """A table of facts that entries look up, such as `xids`."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def _read(path: Path) -> list[Symptom]:
    data = tomllib.loads(path.read_text("utf-8"))
    speakers = data.get("speakers")
    emitter = Emitter(path.stem, frozenset(data["origins"]), re.compile(speakers) if speakers else None)
    return [_entry(emitter, one) for one in data["symptom"]]


def _entry(emitter: Emitter, data: dict[str, Any]) -> Symptom:
    return Symptom(
        name=data["name"],
        emitter=emitter,
        spellings=tuple(map(_spelling, data["says"])),
        means=data["means"],
        do=data["do"],
        source=data["source"],
        examples=tuple(data["examples"]),
        finding=data.get("finding", ""),
        is_note=data.get("note", False),
        is_wrapper=data.get("wrapper", False),
        where={name: tuple(values) for name, values in data.get("where", {}).items()},
        follows=tuple(data.get("follows", ())),
    )


def _spelling(data: str | dict[str, str]) -> Spelling:
    line, of = (data, "") if isinstance(data, str) else (data["line"], data["of"])
    return Spelling(re.compile(line, re.IGNORECASE), of)
