"""Names of devices out of pci.ids, the list that distributions keep; reading only the sections that are asked for.

The machine's own list comes first. What it does not name, the package's own does, which is of 2026: Debian's package pci.ids
of the PCI ID Project (GPL-2+ or BSD-3-clause, here as the latter; `pci.ids.licence` has its words), packed, and `pci.ids.more` beside it.
`make pci-ids` puts a newer one there.

The file is 1.5 MB; `bytes.find` for each vendor keeps a scan below a few milliseconds. Its form: a vendor line
`10de  NVIDIA Corporation`, product lines indented by one tab, subsystem lines `1028 1533  Name` below their product
indented by two, and at the end classes as `C 03  Display controller`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from busway.domain.device import PciDevice

# Debian and Ubuntu; Fedora, RHEL, Arch and openSUSE; hosts with a newer list by `update-pciids`.
_OWN = Path(__file__).with_name("pci.ids.gz")
_MORE = Path(__file__).with_name("pci.ids.more")
_PCI_IDS = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids", "usr/share/pci.ids")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one function, "" for each that the list does not have.

    `subsystem` tells products apart that share their ids: 10de:25b6 is an A2 or an A16.
    """

    vendor: str = ""
    product: str = ""
    kind: str = ""
    subsystem_vendor: str = ""
    subsystem: str = ""


class HasIds(Protocol):
    """What names are looked up for."""

    @property
    def vendor_id(self) -> str:
        """Four hexadecimal digits, as the others."""

    @property
    def product_id(self) -> str:
        """The device id."""

    @property
    def class_code(self) -> str:
        """Six digits."""

    @property
    def subsystem_vendor_id(self) -> str:
        """The vendor of the board."""


@dataclass(frozen=True, slots=True)
class NameList:
    """A pci.ids file as it was when it was found; `changed` is its time of change in nanoseconds."""

    path: str
    changed: int

    @classmethod
    def find(cls, root: Path) -> NameList:
        """The list under `root`, else that of the running machine, else the package's own."""
        return _list_under(str(root)) or _list_under("/") or OWN

    def names(
        self, vendor_id: str, product_id: str, class_code: str, subsystem_vendor_id: str, subsystem_id: str
    ) -> Names:
        """Looks up the names of one function."""
        ids = vendor_id, product_id, class_code[:4], subsystem_vendor_id, subsystem_id
        found = _look_up(self.path, self.changed, *ids)
        if found.product and found.subsystem:
            return found
        return _first(found, _first(_look_up(OWN.path, OWN.changed, *ids), _look_up(MORE.path, MORE.changed, *ids)))


OWN, MORE = NameList(str(_OWN), 0), NameList(str(_MORE), 0)


def name_devices(root: Path, devices: Sequence[PciDevice]) -> tuple[PciDevice, ...]:
    """Returns the devices with the names of vendor, product and class, of the list under `root` before others."""
    names = _list_under(str(root)) or OWN
    return tuple(_named(device, names) for device in devices)


def _first(names: Names, others: Names) -> Names:
    """The names, with those of others where there is none."""
    return Names(
        names.vendor or others.vendor,
        names.product or others.product,
        names.kind or others.kind,
        names.subsystem_vendor or others.subsystem_vendor,
        names.subsystem or others.subsystem,
    )


def _named(device: PciDevice, names: NameList) -> PciDevice:
    found = names.names(device.vendor_id, device.product_id, device.class_code, "", "")
    return replace(device, vendor_name=found.vendor, product_name=found.product, class_name=found.kind)


def _list_under(root: str) -> NameList | None:
    for name in _PCI_IDS:
        path = f"{root.rstrip('/')}/{name}"
        try:
            return NameList(path, Path(path).stat().st_mtime_ns)
        except OSError:
            continue
    return None


@lru_cache(maxsize=4096)
def _look_up(path: str, changed: int, vendor: str, product: str, kind: str, sub_vendor: str, subsystem: str) -> Names:
    vendor_name, products = _vendor(path, changed, vendor)
    class_name, subclasses = _class(path, changed, kind[:2]) if len(kind) == 4 else ("", b"")
    section = _product(products, product)
    return Names(
        vendor=vendor_name,
        product=_text(section.partition(b"\n")[0][len(product) + 2 :]),
        kind=_entry(subclasses, f"\n\t{kind[2:]}  ") or class_name,
        subsystem_vendor=_vendor(path, changed, sub_vendor)[0],
        subsystem=_entry(section, f"\n\t\t{sub_vendor} {subsystem}  ") if sub_vendor and subsystem else "",
    )


@lru_cache(maxsize=4)
def _data(path: str, _changed: int) -> bytes:
    try:
        data = Path(path).read_bytes()
        return b"\n" + (gzip.decompress(data) if path.endswith(".gz") else data)
    except (OSError, EOFError):
        return b"\n"


@lru_cache(maxsize=256)
def _vendor(path: str, changed: int, vendor: str) -> tuple[str, bytes]:
    return _section(_data(path, changed), f"\n{vendor}  ") if vendor else ("", b"")


@lru_cache(maxsize=256)
def _class(path: str, changed: int, base: str) -> tuple[str, bytes]:
    return _section(_data(path, changed), f"\nC {base}  ")


def _section(data: bytes, opening: str) -> tuple[str, bytes]:
    """Finds the line that begins with `opening` and the indented lines below it."""
    start = data.find(opening.encode())
    if start < 0:
        return "", b""
    end = start + 1
    while (end := data.find(b"\n", end)) >= 0 and data[end + 1 : end + 2] in (b"\t", b"#"):
        end += 1
    section = data[start + 1 : end if end >= 0 else len(data)]
    line, _, below = section.partition(b"\n")
    return _text(line[len(opening) - 1 :]), b"\n" + below


def _product(products: bytes, wanted: str) -> bytes:
    """The product's line, from its id on, with the subsystem lines below it."""
    start = products.find(f"\n\t{wanted}  ".encode()) if wanted else -1
    if start < 0:
        return b""
    end = start + 1
    while (end := products.find(b"\n", end)) >= 0 and products[end + 1 : end + 3] == b"\t\t":
        end += 1
    return products[start + 2 : end if end >= 0 else len(products)]


def _entry(section: bytes, opening: str) -> str:
    start = section.find(opening.encode())
    if start < 0:
        return ""
    return _text(section[start + len(opening.encode()) :].partition(b"\n")[0])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace").strip()


def excerpt(root: Path, functions: Iterable[HasIds]) -> bytes:
    """A list with the vendors, products and classes of these functions only."""
    lists = [_data(names.path, names.changed) for names in (NameList.find(root), OWN, MORE)]
    products: dict[str, set[str]] = {}
    classes = set()
    for function in functions:
        products.setdefault(function.vendor_id, set()).add(function.product_id)
        products.setdefault(function.subsystem_vendor_id, set())
        classes.add(function.class_code[:2])
    parts = []
    for vendor in sorted(filter(None, products)):
        sections = [_section(data, f"\n{vendor}  ") for data in lists]
        line = next((line for line, _ in sections if line), "")
        parts += [f"{vendor}  {line}".encode()] if line else []
        for product in sorted(products[vendor]):
            named = next((text for _, below in sections if (text := _product(below, product))), b"")
            parts += [b"\t" + named] if named and line else []
    for base in sorted(filter(None, classes)):
        line, below = next((found for data in lists if (found := _section(data, f"\nC {base}  "))[0]), ("", b""))
        parts += [f"C {base}  {line}".encode() + below] if line else []
    return b"\n".join(parts) + b"\n"
