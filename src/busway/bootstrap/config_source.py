"""A configuration file as it is written: each assignment with its line, read by oslo.config's own parser.

oslo.config gives values without their places. The parser is run once more for the places, so that continuation lines,
quotes and equal values repeated are understood in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg
from oslo_config.iniparser import BaseParser, ParseError

from busway.domain.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment; `line` is its first, `text` has the lines of a continued value joined."""

    section: str
    key: str
    text: str
    line: int

    @property
    def option(self) -> str:
        """Its name for messages: "[pci] alias"."""
        return f"[{self.section}] {self.key}"


@dataclass(frozen=True, slots=True)
class Source:
    """All assignments of a file in their order; without a file there are none."""

    path: Path | None
    entries: tuple[Entry, ...] = ()

    def of(self, section: str, option: cfg.Opt) -> list[Entry]:
        """The assignments of an option in the order of oslo.config's values: those of its oldest name first."""
        found: list[Entry] = []
        for wanted in reversed(option_names(section, option)):
            found.extend(entry for entry in self.entries if (entry.section, entry.key) == wanted)
        return found


def option_names(section: str, option: cfg.Opt) -> list[tuple[str, str]]:
    """Section and key of an option, then those of its old names."""
    old = [(other.group or section, other.name or option.dest) for other in option.deprecated_opts]
    return [(section, option.dest), *old]


def read_source(path: Path | None) -> Source:
    """Reads a file; raises `InvalidConfig` with the line that is not an assignment."""
    if path is None:
        return Source(None)
    parser = _Recorder()
    try:
        parser.parse(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "It is not text in UTF-8"
        raise InvalidConfig(
            f"{path} can't be read", detail=f"{reason}.", remedy="Check its name and its permissions."
        ) from error
    except ParseError as error:
        raise InvalidConfig(
            f"{path}, line {error.lineno}: {error.msg}",
            detail=f"The line is: {error.line}",
            remedy="Write KEY = VALUE below a [section]; indent the further lines of a value.",
        ) from error
    return Source(path, tuple(parser.entries))


class _Recorder(BaseParser):
    """Notes the first line of each assignment, which oslo.config's parser knows and does not keep."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._section = ""
        self._first = 0

    def _split_key_value(self, line: str) -> tuple[str, list[str]]:
        self._first = self.lineno
        if not self._section:
            raise ParseError("A value stands before any [section]", self.lineno, line)
        key, value = super()._split_key_value(line)
        return key, value

    def new_section(self, section: str) -> None:
        self._section = section if section == "DEFAULT" else section.lower()

    def assignment(self, key: str, value: Sequence[str]) -> None:
        self.entries.append(Entry(self._section, key, "\n".join(value), self._first))
