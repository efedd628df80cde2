"""Aliases and device specs out of a configuration: each value with its line, each mistake with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from oslo_config import cfg

from busway.bootstrap.config_source import Source
from busway.domain.alias import Alias, add_alias
from busway.domain.alias_check import check_aliases
from busway.domain.config_warning import ConfigWarning, Located
from busway.domain.device import PciDevice
from busway.domain.device_spec import DeviceSpec, DeviceSpecs, parse_device_spec
from busway.domain.device_spec_check import check_device_specs
from busway.domain.errors import BuswayError
from busway.domain.inventory_check import check_against_devices

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in a configuration: where it stands, and the error that it is."""

    line: int | None
    option: str
    error: BuswayError

    def located(self, path: Path | None) -> BuswayError:
        """The error with file and line before its brief, and its code and kind as they were."""
        where = f"{path}, line {self.line}" if self.line is not None else str(path or self.option)
        error = self.error
        made = type(error)(f"{where}: {error.brief}", detail=error.detail, remedy=error.remedy, code=error.code)
        made.__cause__ = error
        return made


@dataclass(frozen=True, slots=True)
class Language:
    """What `[pci]` says; values that are faults are left out."""

    aliases: dict[str, Alias]
    alias_values: tuple[Located[Alias], ...]
    spec_values: tuple[Located[tuple[DeviceSpec, ...]], ...]
    faults: tuple[Fault, ...]
    placement: bool

    @property
    def device_specs(self) -> DeviceSpecs:
        """All rules in their order."""
        return DeviceSpecs(tuple(spec for value in self.spec_values for spec in value.value))

    def warnings(self, devices: Sequence[PciDevice] | None = None) -> list[ConfigWarning]:
        """What its writer may regret; with `devices` also what catches none of them."""
        specs = self.device_specs.specs
        found = check_device_specs(self.spec_values)
        found += check_aliases(self.alias_values, specs, placement=self.placement)
        if devices is not None:
            found += check_against_devices(self.alias_values, self.spec_values, devices)
        return found


def read_language(
    source: Source, options: Sequence[cfg.Opt], values: Mapping[str, Sequence[str]], *, placement: bool
) -> Language:
    """Reads all values of `[pci] alias` and `[pci] device_spec`, under whatever name they were given."""
    by_name = {option.dest: option for option in options}
    aliases: dict[str, Alias] = {}
    alias_values, alias_faults = _read(
        source, by_name["alias"], values.get("alias", ()), lambda text: add_alias(aliases, text, placement=placement)
    )
    spec_values, spec_faults = _read(source, by_name["device_spec"], values.get("device_spec", ()), parse_device_spec)
    return Language(aliases, tuple(alias_values), tuple(spec_values), (*alias_faults, *spec_faults), placement)


def _read(
    source: Source, option: cfg.Opt, texts: Sequence[str], parse: Callable[[str], _T]
) -> tuple[list[Located[_T]], list[Fault]]:
    entries = source.of("pci", option)
    values: list[Located[_T]] = []
    faults: list[Fault] = []
    for number, text in enumerate(texts):
        # A value from the environment (OS_PCI__ALIAS) stands on no line.
        entry = entries[number] if len(entries) == len(texts) else None
        line, name = (entry.line, entry.option) if entry else (None, f"[pci] {option.dest}")
        try:
            values.append(Located(line, name, text, parse(text)))
        except BuswayError as error:
            faults.append(Fault(line, name, error))
    return values, faults
