"""The types of mediated devices out of a configuration: `[devices] enabled_mdev_types` and a group for each, as in Nova.

Nova's groups have the type in their names, so they are read from the file's assignments and not as options.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from busway.bootstrap.config_language import Fault
from busway.bootstrap.config_source import Entry, Source
from busway.domain.errors import InvalidConfig
from busway.domain.mdev import VGPU, MdevRule, MdevRules

SECTION = "devices"
GROUPS = ("mdev_", "vgpu_")  # the second is the old name
KEYS = ("device_addresses", "mdev_class", "max_instances")


def read_mdev_rules(source: Source, types: Sequence[str]) -> tuple[MdevRules, tuple[Fault, ...]]:
    """The rules of all enabled types, and every mistake with its line; no rules at all when there is one."""
    faults = list(_unknown(source, types))
    rules = []
    for type_id in dict.fromkeys(types):
        try:
            rules.append(_rule(source, type_id))
        except _Mistake as mistake:
            faults.append(mistake.fault)
    try:
        made = MdevRules(rules)
    except InvalidConfig as error:
        line = next((entry.line for entry in source.entries if entry.section == SECTION), None)
        faults.append(Fault(line, f"[{SECTION}] enabled_mdev_types", error))
    return (MdevRules() if faults else made), tuple(faults)


def is_of_mdev(entry: Entry) -> bool:
    """True for an assignment in a group of a type, whether the type is enabled or not."""
    return entry.section.startswith(GROUPS) and entry.key in KEYS


class _Mistake(Exception):
    def __init__(self, entry: Entry, error: InvalidConfig) -> None:
        super().__init__(str(error))
        self.fault = Fault(entry.line, entry.option, error)


def _rule(source: Source, type_id: str) -> MdevRule:
    """The rule of a type; section names are compared without regard to case, as oslo.config's parser does here."""
    named = {f"{group}{type_id}".lower() for group in GROUPS}
    values = {entry.key: entry for entry in source.entries if entry.section in named}
    addresses = values.get("device_addresses")
    words = [word.strip() for word in addresses.text.replace("\n", ",").split(",")] if addresses else []
    wanted = values.get("mdev_class")
    return MdevRule(
        type_id, tuple(word for word in words if word), wanted.text.strip() if wanted else VGPU, _most(values)
    )


def _most(values: dict[str, Entry]) -> int | None:
    entry = values.get("max_instances")
    if entry is None:
        return None
    if not entry.text.strip().isascii() or not entry.text.strip().isdigit():
        error = InvalidConfig(
            f"{entry.option} is '{entry.text.strip()}'",
            remedy="Write a number of 1 or more.",
            code="invalid-mdev-types",
        )
        raise _Mistake(entry, error)
    return int(entry.text.strip())


def _unknown(source: Source, types: Sequence[str]) -> Iterator[Fault]:
    """Groups of types that are not enabled are left alone, as in Nova; a slip in one that is, is a mistake."""
    enabled = {f"{group}{type_id}".lower() for group in GROUPS for type_id in types}
    for entry in source.entries:
        if entry.section in enabled and entry.key not in KEYS:
            error = InvalidConfig(
                f"{entry.option} is not an option of an mdev type",
                detail=f"There are {', '.join(KEYS)}.",
                remedy="Remove the line, or correct its name.",
                code="invalid-mdev-types",
            )
            yield Fault(entry.line, entry.option, error)
