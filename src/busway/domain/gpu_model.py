"""What a GPU is called and how much memory it has, by its name in pci.ids: what catalogues of clouds ask of a flavor.

Names are spelled as those catalogues spell them: "GA100 [A100 PCIe 80GB]" is A100, "AD102 [GeForce RTX 4090]" is RTX4090. Memory is
the nominal one in MiB. It is in the name, or it is that of all cards of the model; else it is not known.

Source: gpuhunt's `_internal/constraints.py` (KNOWN_NVIDIA_GPUS, KNOWN_AMD_GPUS: names and memory of models that come with one size),
the catalogue of dstack; SkyPilot's catalogue has `GpuInfo` with Name, Manufacturer, Count and MemoryInfo.SizeInMiB.
"""

from __future__ import annotations

import re

# As gpuhunt's AcceleratorVendor has them.
VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
_IN_BRACKETS = re.compile(r"\[(.+)\]")
_GB = re.compile(r"\b([1-9][0-9]{0,3}) ?GB\b")
# Words of a name that tell its vendor, its plug or its size, and not its model.
_NOISE = re.compile(
    r"(?:NVIDIA|AMD|Tesla|Quadro|GeForce|Instinct|Radeon|PCIe|SXM[0-9]*|DGXS|FHHL|Generation|[0-9]+GB)", re.I
)
_GIB = {
    24: "A10 A10G A30 A5000 L4 RTX3090 RTX4090 RTX6000",
    48: "A40 A6000 L40 L40S RTX6000Ada",
    16: "A16 A4000 RTX2000Ada T4",
    20: "A4500 RTX4000Ada",
    32: "MI100",
    64: "MI210",
    80: "H100",
    128: "MI300A",
    192: "MI300X",
}  # fmt: skip
_MIB = {name: gib * 1024 for gib, names in _GIB.items() for name in names.split()}


def model_of(product_name: str) -> str:
    """The model of a GPU by its name in pci.ids; "" for a name that is none, or that of several models."""
    inner = _IN_BRACKETS.search(product_name)
    named = inner[1] if inner else product_name
    if "/" in named:
        return ""
    words = [word for word in re.split(r"[\s-]+", named.replace("RTX A", "A")) if not _NOISE.fullmatch(word)]
    return "".join(words)


def memory_of(product_name: str) -> int | None:
    """Its memory in MiB; None where it is not known."""
    said = _GB.search(product_name)
    return int(said[1]) * 1024 if said else _MIB.get(model_of(product_name))
