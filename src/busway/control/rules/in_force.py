"""The PCI rules in force: aliases and device specs of the file, and those made at run time, as one.

If a database alias and a file alias share a name, the database alias applies until it is deleted. Device specs of the
database come before those of the file, and the first match applies.

All control processes on a database see a change with their next transaction: each asks for the version, which is one
look at the end of an index, and reads the rules again when it is another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from busway.control.settings import Settings
from busway.domain.alias import Alias, Aliases, parse_aliases
from busway.domain.alias_check import check_aliases
from busway.domain.config_warning import ConfigWarning, Located
from busway.domain.device import PciDevice
from busway.domain.device_spec import DeviceSpec, DeviceSpecs, parse_device_spec
from busway.domain.device_spec_check import check_device_specs
from busway.domain.errors import BuswayError
from busway.domain.inventory_check import check_against_devices
from busway.store import pci_rules as store
from busway.store.database import Tx
from busway.store.pci_rules import AliasRow, DeviceSpecRow

_Row = TypeVar("_Row", AliasRow, DeviceSpecRow)
_T = TypeVar("_T")
LocatedAlias = Located[Alias]
LocatedSpecs = Located[tuple[DeviceSpec, ...]]


@dataclass(frozen=True, slots=True)
class PciRules:
    """The device specs and aliases in force, at one version.

    `alias_rows` and `spec_rows` are those of the database. `unread` are keys of rows that this Busway can't read,
    with why: another version wrote them, or another `[filter_scheduler] pci_in_placement`. They count for nothing.
    """

    version: int
    aliases: Aliases
    device_specs: DeviceSpecs
    alias_rows: tuple[AliasRow, ...] = ()
    spec_rows: tuple[DeviceSpecRow, ...] = ()
    written_aliases: tuple[LocatedAlias, ...] = ()
    written_specs: tuple[LocatedSpecs, ...] = ()
    unread: tuple[tuple[str, BuswayError], ...] = ()
    placement: bool = False

    def warnings(self, devices: list[PciDevice]) -> list[ConfigWarning]:
        """What the rules say that nobody may have meant; with devices also what catches none of them."""
        specs = self.device_specs.specs
        found = check_device_specs(self.written_specs)
        found += check_aliases(self.written_aliases, specs, placement=self.placement)
        if devices:
            found += check_against_devices(self.written_aliases, self.written_specs, devices)
        return found


class RulesCache:
    """The rules that a process read last."""

    def __init__(self) -> None:
        self._known: PciRules | None = None

    def get(self, settings: Settings, tx: Tx, version: int | None = None) -> PciRules:
        """The rules in force; not for a transaction that changes them, whose version may never come to be.

        `version` is theirs, where the transaction has read it already.
        """
        version = store.rules_version(tx) if version is None else version
        known = self._known
        if known is None or known.version != version:
            known = self._known = read_rules(settings, tx)
        return known


def read_rules(settings: Settings, tx: Tx) -> PciRules:
    """Reads the rules of the database and combines them with those of the file."""
    version = store.rules_version(tx)
    placement = settings.pci_in_placement
    alias_rows, spec_rows = store.list_aliases(tx), store.list_device_specs(tx)
    aliases, bad_aliases = _parse(alias_rows, lambda row: parse_aliases(row.definitions, placement=placement)[row.name])
    specs, bad_specs = _parse(spec_rows, lambda row: parse_device_spec(row.definition))
    made = [_located_alias(row, text, placement) for row, _ in aliases for text in row.definitions]
    kept = [each for each in settings.written_aliases if each.value.name not in {row.name for row, _ in aliases}]
    return PciRules(
        version,
        {**settings.aliases, **{row.name: alias for row, alias in aliases}},
        DeviceSpecs(tuple(spec for _, found in specs for spec in found) + settings.device_specs.specs),
        tuple(alias_rows),
        tuple(spec_rows),
        (*made, *kept),
        (*(Located(None, spec_place(row.id), row.definition, found) for row, found in specs), *settings.written_specs),
        (*((row.name, error) for row, error in bad_aliases), *((row.id, error) for row, error in bad_specs)),
        placement,
    )


def alias_place(name: str) -> str:
    """How messages name an alias of the database."""
    return f"alias {name}"


def spec_place(spec_id: str) -> str:
    """How messages name a device spec of the database."""
    return f"device spec {spec_id}"


def _located_alias(row: AliasRow, text: str, placement: bool) -> LocatedAlias:
    [alias] = parse_aliases([text], placement=placement).values()
    return Located(None, alias_place(row.name), text, alias)


def _parse(
    rows: list[_Row], parse: Callable[[_Row], _T]
) -> tuple[list[tuple[_Row, _T]], list[tuple[_Row, BuswayError]]]:
    read: list[tuple[_Row, _T]] = []
    unread: list[tuple[_Row, BuswayError]] = []
    for row in rows:
        try:
            read.append((row, parse(row)))
        except BuswayError as error:
            unread.append((row, error))
    return read, unread
