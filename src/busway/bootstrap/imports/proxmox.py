"""Proxmox: /etc/pve/mapping/pci.cfg, where a name stands alone on its line and its properties below, indented."""

from __future__ import annotations

import re
from pathlib import Path

from busway.bootstrap.imports.found import Found, alias_name, ids_of, not_of_kind, read_text

_NAME = re.compile(r"(?:pci:\s*)?([A-Za-z][\w.-]*)\s*")
_FULL = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2})(?:\.([0-7]))?", re.IGNORECASE)


def read_proxmox(path: Path) -> Found:
    """Reads each mapping as an alias of its name, and each device of it as a spec."""
    found, name = Found(f"{path} (Proxmox)"), ""
    for line in read_text(path).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line[0].isspace():
            match = _NAME.fullmatch(line)
            if match is None:
                raise not_of_kind(path, f"'{line[:60]}' is not a name of a mapping.")
            name = match[1]
        elif name:
            key, _, value = line.strip().partition(" ")
            _property(found, name, key, value.strip())
    nodes = len({one.partition(": node ")[2] for one in found.left if ": node " in one})
    if nodes > 1:
        found.left.append("Device specs hold for every host: an address that one node has, another may have too")
    return found


def _property(found: Found, name: str, key: str, value: str) -> None:
    if key == "map":
        _device(found, name, dict(part.partition("=")[::2] for part in value.split(",")))
    elif key == "mdev" and value == "1":
        found.left.append(
            f"{name}: mdev; the vGPU type is chosen for each server there. Choose a type on the host and offer the "
            "function"
        )
    elif key == "live-migration-capable" and value == "1":
        found.left.append(f"{name}: live-migration-capable; servers with devices are moved cold")
    elif key != "description":
        found.left.append(f"{name}: {key} {value}")


def _device(found: Found, name: str, fields: dict[str, str]) -> None:
    ids = ids_of(fields.get("id", ""))
    if ids is None:
        found.left.append(f"{name}: a device without ids ({fields.get('path', 'no path')})")
        return
    vendor, product = ids
    for path in fields.get("path", "").split(";"):
        match = _FULL.fullmatch(path.strip())
        if match is None:
            found.left.append(f"{name}: the path '{path}' is no address")
            continue
        address = f"{match[1] or '0000'}:{match[2]}.{match[3] or '0'}".lower()
        found.add_spec(vendor_id=vendor, product_id=product, address=address)
    found.add_alias(alias_name(name), vendor, product)
    node = f"{name}: node {fields.get('node', '')}"
    if fields.get("node") and node not in found.left:
        found.left.append(node)
