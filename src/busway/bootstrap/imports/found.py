"""What an import has found: device specs, aliases, flavors, and what stays behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from busway.domain.errors import InvalidConfig

# NVIDIA's and AMD's GPUs that have SR-IOV, by ranges of device ids: an alias without type-PF would never get them
# whole.
_SRIOV = {
    "10de": ((0x20B0, 0x20FF), (0x2230, 0x2238), (0x25B6, 0x25B6), (0x26B1, 0x26BA), (0x27B0, 0x27BA), (0x2302, 0x233F),
             (0x2900, 0x2941), (0x2BB1, 0x2BBF), (0x3180, 0x31FF)),
    "1002": ((0x74A0, 0x74AF), (0x75A0, 0x75AF)),
}  # fmt: skip
_IDS = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})", re.IGNORECASE)


@dataclass(slots=True)
class Found:
    """Rules in Nova's language, each a JSON object; `left` names what could not be carried over, with the reason."""

    source: str
    device_specs: list[dict[str, str]] = field(default_factory=list)
    aliases: list[dict[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add_spec(self, **spec: str) -> None:
        """Adds a device spec once."""
        if spec not in self.device_specs:
            self.device_specs.append(spec)

    def add_alias(self, name: str, vendor: str, product: str) -> None:
        """Adds an alias for a kind of device once; cards with SR-IOV are asked for as physical functions."""
        alias = {"name": name, "vendor_id": vendor, "product_id": product}
        number = int(product, 16)
        if any(first <= number <= last for first, last in _SRIOV.get(vendor, ())):
            alias["device_type"] = "type-PF"
        if alias in self.aliases:
            return
        if any(one["name"] == name for one in self.aliases):
            self.left.append(f"{name}: it has devices of several kinds; the alias gets any of them")
        self.aliases.append(alias)

    @property
    def flavors(self) -> list[tuple[str, str]]:
        """A flavor for each alias: its name, and its extra spec."""
        names = dict.fromkeys(one["name"] for one in self.aliases)
        return [(f"gpu-{name}", f"pci_passthrough:alias={name}:1") for name in names]

    def lines(self) -> Iterator[str]:
        """The text for busway.conf, with flavors and what is left as comments."""
        yield f"# From {self.source}"
        yield "[pci]"
        yield from (f"device_spec = {json.dumps(one)}" for one in self.device_specs)
        yield from (f"alias = {json.dumps(one)}" for one in self.aliases)
        if self.flavors:
            yield "\n# Flavors that ask for one device each; choose their sizes:"
        for name, spec in self.flavors:
            yield f"#   openstack flavor create {name} --vcpus 8 --ram 32768 --disk 40 --property {spec}"
        if self.left:
            yield "\n# Not carried over:"
        yield from (f"#   {one}" for one in self.left)


def alias_name(text: str) -> str:
    """A name as an alias may have it: small letters, digits, `-`, `_` and `.`."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower().rpartition("/")[2]).strip("-") or "device"


def ids_of(text: str) -> tuple[str, str] | None:
    """Vendor and product of a text such as 10DE:20B5."""
    match = _IDS.search(text)
    return (match[1].lower(), match[2].lower()) if match else None


def read_foreign(kind: str, path: Path) -> Found:
    """Reads a file of another cloud; `InvalidConfig` when it is none of that kind."""
    from busway.bootstrap.imports.cluster import read_harvester, read_kubevirt
    from busway.bootstrap.imports.nova import read_nova
    from busway.bootstrap.imports.proxmox import read_proxmox

    readers: dict[str, Callable[[Path], Found]] = {
        "nova.conf": read_nova,
        "pve-mapping": read_proxmox,
        "harvester": read_harvester,
        "kubevirt": read_kubevirt,
    }
    found = readers[kind](path)
    if not found.device_specs and not found.aliases and not found.left:
        raise not_of_kind(path, "It names no device.")
    return found


def read_text(path: Path) -> str:
    """The text of a file; `InvalidConfig` in plain words when it can't be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise InvalidConfig(
            f"{path} can't be read", detail=f"{reason}.", remedy="Choose an existing file that you can read."
        ) from error


def not_of_kind(path: Path, detail: str) -> InvalidConfig:
    """Says that a file is not what it was named as."""
    return InvalidConfig(
        f"{path} has nothing to import",
        detail=detail,
        remedy="`busway import --help` lists the file for each kind.",
    )
