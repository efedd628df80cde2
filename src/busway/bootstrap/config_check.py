"""`busway config check`: every error and warning of a configuration file, and what of it means nothing here."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oslo_config.iniparser import ParseError

from busway.bootstrap.config import Reading, database_warning, read
from busway.bootstrap.config_language import Fault
from busway.bootstrap.config_mdev import is_of_mdev
from busway.bootstrap.config_source import Entry, option_names
from busway.bootstrap.config_stores import is_of_store
from busway.bootstrap.options import SECTIONS, UNUSED
from busway.bootstrap.scheduling import filter_warnings
from busway.domain.config_warning import ConfigWarning
from busway.domain.device import PciDevice
from busway.domain.errors import InvalidConfig

# Keys that mean nothing outside their section, where a slip of the pen loses them without a word.
_OURS = {name: section for option in SECTIONS["pci"] for section, name in option_names("pci", option)}


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """What a check found, each list in the order of the file's lines."""

    path: Path
    errors: tuple[Fault, ...]
    warnings: tuple[ConfigWarning, ...]
    ignored: tuple[Entry, ...]
    aliases: tuple[str, ...]
    device_specs: int


def check_config(path: Path, devices: Sequence[PciDevice] | None = None) -> ConfigReport:
    """Reads a file and reports on it; `devices` are looked through for what aliases and specs catch.

    A file that is none of this format has that one error.
    """
    try:
        reading = read(path)
    except InvalidConfig as error:
        line = error.__cause__.lineno if isinstance(error.__cause__, ParseError) else None
        return ConfigReport(path, (Fault(line, "-", error),), (), (), (), 0)
    known = {names for section, options in SECTIONS.items() for o in options for names in option_names(section, o)}
    strange = [
        entry
        for entry in reading.source.entries
        if (entry.section, entry.key) not in known
        and not is_of_mdev(entry)
        and not is_of_store(entry, reading.image_stores)
    ]
    warnings = [
        *reading.language.warnings(devices),
        *_of_names(reading),
        *filter_warnings(reading.source, reading.values["filter_scheduler"]),
        *_of_strange(strange),
    ]
    database = database_warning(reading.source, reading.values["database"].get("connection"))
    return ConfigReport(
        path,
        reading.faults,
        tuple(sorted([*warnings, *([database] if database else [])], key=lambda warning: warning.line or 0)),
        tuple(entry for entry in strange if entry.section != "busway"),
        tuple(sorted(reading.language.aliases)),
        len(reading.language.device_specs.specs),
    )


def _of_names(reading: Reading) -> Iterator[ConfigWarning]:
    """Old names, and options of one value that are set more than once."""
    for section, options in SECTIONS.items():
        for option in options:
            entries = reading.source.of(section, option)
            current = f"[{section}] {option.dest}"
            for entry in entries:
                if (entry.section, entry.key) != (section, option.dest):
                    yield ConfigWarning(
                        entry.line,
                        entry.option,
                        f"It is an old name of {current}",
                        f"Rename it to {option.dest} under [{section}].",
                        code="old-name",
                    )
            same = [entry for entry in entries if (entry.section, entry.key) == (section, option.dest)]
            if not option.multi and len(same) > 1:
                yield ConfigWarning(
                    same[-1].line,
                    current,
                    f"It is set {len(same)} times (lines {', '.join(str(e.line) for e in same)}); the last one applies",
                    "Keep one.",
                    code="repeated-option",
                )


def _of_strange(entries: Sequence[Entry]) -> Iterator[ConfigWarning]:
    """Options that nothing reads although they look like the language of `[pci]`."""
    known = [option.dest for option in SECTIONS["pci"]]
    for entry in entries:
        if entry.key in _OURS:
            yield ConfigWarning(
                entry.line,
                entry.option,
                f"'{entry.key}' has no meaning under [{entry.section}]: it is ignored",
                f"Move it below [{_OURS[entry.key]}].",
                code="misplaced-option",
            )
        elif entry.section == "pci" and (entry.section, entry.key) not in UNUSED:
            near = difflib.get_close_matches(entry.key, known, n=1)
            yield ConfigWarning(
                entry.line,
                entry.option,
                f"[pci] has no option {entry.key}: it is ignored",
                f"Did you mean {near[0]}?" if near else "Remove the line.",
                code="unknown-pci-option",
            )
