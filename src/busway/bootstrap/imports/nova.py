"""nova.conf: Busway reads its [pci] as it is; here it is written with today's names, and what means nothing here is named."""

from __future__ import annotations

import json
from pathlib import Path

from busway.bootstrap.config_check import check_config
from busway.bootstrap.config_source import Entry, read_source
from busway.bootstrap.imports.found import Found, read_text

_SPECS = {("pci", "device_spec"), ("pci", "passthrough_whitelist"), ("DEFAULT", "pci_passthrough_whitelist")}
_ALIASES = {("pci", "alias"), ("DEFAULT", "pci_alias")}
_ABOUT = (
    "pci",
    "devices",
    "libvirt",
    "filter_scheduler",
    "scheduler",
    "compute",
)  # sections whose loss an operator wants to know of


def read_nova(path: Path) -> Found:
    """Reads device specs and aliases of a nova.conf, old names too."""
    read_text(path)
    found = Found(f"{path} (Nova)")
    for entry in read_source(path).entries:
        key = (entry.section, entry.key)
        if key in _SPECS:
            found.device_specs += _objects(entry, found)
        elif key in _ALIASES:
            found.aliases += _objects(entry, found)
    report = check_config(path)
    for fault in report.errors:
        found.left.append(f"line {fault.line}, {fault.option}: {fault.error.brief}")
    for entry in report.ignored:
        if entry.section in _ABOUT:
            found.left.append(f"line {entry.line}, {entry.option}: it means nothing here")
    return found


def _objects(entry: Entry, found: Found) -> list[dict[str, str]]:
    """One assignment may hold an object or a list of them."""
    try:
        value = json.loads(entry.text)
    except ValueError:
        found.left.append(f"line {entry.line}, {entry.option}: it is no JSON")
        return []
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
