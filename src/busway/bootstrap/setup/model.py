"""What a GPU is called: a short word for aliases and flavors, and the standard form that tools read.

The standard form of a flavor's GPUs are four extra specs beside `pci_passthrough:alias`; nothing in Busway decides by them:

    gpu:count        how many, "2"
    gpu:vendor       "nvidia", "amd", "intel", or the vendor's id
    gpu:model        the name of pci.ids, "H100 SXM5 80GB"
    gpu:memory_mib   the memory of one, "81920"; missing where it is not known
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from busway.domain.device import DeviceKind, PciDevice

_VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
_BRANDS = frozenset({
    "nvidia", "amd", "intel", "geforce", "tesla", "quadro", "radeon", "instinct", "grid", "arc",
    "data", "center", "gpu", "generation", "edition", "series",
})  # fmt: skip
_FORMS = re.compile(r"\d+gb|sxm\d*|pcie\d*|oam|nvl|hgx|mobile|active|passive")
_SHORT_CHARS = 24
# GiB of memory of one, by short name, where the name of pci.ids does not say: from the makers' data sheets.
_GIB = {
    "t4": 16, "t4g": 16, "p4": 8, "p40": 24, "p100": 16, "m10": 8, "m60": 8, "k80": 12,
    "a2": 16, "a10": 24, "a16": 16, "a30": 24, "a40": 48, "a10g": 24, "l4": 24, "l20": 48, "l40": 48, "l40s": 48,
    "h100": 80, "h200": 141, "b200": 180,
    "rtxa2000": 6, "rtxa4000": 16, "rtxa4500": 20, "rtxa5000": 24, "rtxa5500": 24, "rtxa6000": 48,
    "a4000": 16, "a5000": 24, "a6000": 48, "rtx5000ada": 32, "rtx6000ada": 48,
    "rtx3060": 12, "rtx3070": 8, "rtx3080": 10, "rtx3090": 24, "rtx3090ti": 24,
    "rtx4060": 8, "rtx4070": 12, "rtx4080": 16, "rtx4090": 24, "rtx5080": 16, "rtx5090": 32,
    "mi25": 16, "mi50": 16, "mi60": 32, "mi100": 32, "mi210": 64, "mi250": 128, "mi250x": 128, "mi300x": 192, "mi325x": 256,
    "a770": 16, "a750": 8, "flex170": 16, "flex140": 12, "max1100": 48, "max1550": 128,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of GPU; `form` are the words of its name that tell its board from others, such as "pcie-80gb"."""

    vendor: str
    name: str
    short: str
    form: str
    memory_mib: int | None

    def extra_specs(self, count: int) -> dict[str, str]:
        """The standard form for a flavor with so many."""
        specs = {"gpu:count": str(count), "gpu:vendor": self.vendor, "gpu:model": self.name}
        return specs | ({"gpu:memory_mib": str(self.memory_mib)} if self.memory_mib else {})


def model_of(device: PciDevice) -> Model:
    """Names a device after what pci.ids calls it: the words in brackets if there are some, else the chip; else its ids."""
    ids = f"{device.vendor_id}-{device.product_id}"
    vendor = _VENDORS.get(device.vendor_id, device.vendor_id)
    name = _marketing(device.product_name)
    words = re.findall(r"[a-z0-9]+", name.lower())
    short = "".join(word for word in words if word not in _BRANDS and not _FORMS.fullmatch(word))
    if not short or len(short) > _SHORT_CHARS or device.vendor_id not in _VENDORS:
        short = ids
    form = "-".join(word for word in words if _FORMS.fullmatch(word))
    is_part = device.kind is DeviceKind.VF  # and how large a part, its host's driver knows
    return Model(vendor, name or ids, short, form, None if is_part else _memory_mib(name, short))


def _marketing(product: str) -> str:
    match = re.search(r"\[([^\]]+)\]\s*$", product)
    return (match[1] if match else product).partition("/")[0].strip()


def _memory_mib(name: str, short: str) -> int | None:
    match = re.search(r"(\d+)\s*GB", name, re.IGNORECASE)
    gib = int(match[1]) if match else _GIB.get(short)
    return gib * 1024 if gib else None
