"""Names of resource classes and traits as Placement spells them.

A name that is none of the standard ones becomes CUSTOM_ plus itself in capitals, each run of other characters one
underscore. Alias and device spec are spelled by the same rule, so that "h100 nvl" and CUSTOM_H100_NVL are one class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 255
MANAGED_TRAIT = "COMPUTE_MANAGED_PCI_DEVICE"
LIVE_MIGRATABLE_TRAIT = "HW_PCI_LIVE_MIGRATABLE"
ONE_TIME_USE_TRAIT = "HW_PCI_ONE_TIME_USE"
OWNER_TRAIT = "OWNER_NOVA"  # of every provider: others' filters look for it
DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"
STANDARD_HOST_TRAITS = frozenset({OWNER_TRAIT, "COMPUTE_NODE"})

# The standard classes of Placement (os-resource-classes 1.1).
_STANDARD_CLASSES = """
VCPU PCPU MEMORY_MB DISK_GB IPV4_ADDRESS MEM_ENCRYPTION_CONTEXT PCI_DEVICE SRIOV_NET_VF VGPU VGPU_DISPLAY_HEAD PGPU FPGA
NUMA_SOCKET NUMA_CORE NUMA_THREAD NUMA_MEMORY_MB NET_BW_EGR_KILOBIT_PER_SEC NET_BW_IGR_KILOBIT_PER_SEC
NET_PACKET_RATE_KILOPACKET_PER_SEC NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC
"""
STANDARD_CLASSES = frozenset(_STANDARD_CLASSES.split())
# The first words of the standard traits; what follows them is Placement's own list, which grows with each release.
_STANDARD_TRAIT = re.compile(r"(COMPUTE|HW|MISC|OWNER|STORAGE)_[A-Z0-9_]+")


def resource_class_name(name: str) -> str:
    """Spells a class: "PGPU" stays, "h100" becomes CUSTOM_H100."""
    upper = name.strip().upper()
    return upper if upper in STANDARD_CLASSES else _custom(upper)


def default_resource_class(vendor_id: str, product_id: str) -> str:
    """The class of a device to which its spec gives none: CUSTOM_PCI_10DE_2330."""
    return f"CUSTOM_PCI_{vendor_id}_{product_id}".upper()


def trait_names(text: str) -> frozenset[str]:
    """Spells a comma-separated list of traits; empty parts are left out."""
    return frozenset(_trait(part.strip()) for part in text.split(",") if part.strip())


def too_long(names: Iterable[str]) -> str | None:
    """The first name of more than 255 characters, which Placement refuses."""
    return next((name for name in names if len(name) > MAX_LENGTH), None)


def _trait(name: str) -> str:
    return name if _STANDARD_TRAIT.fullmatch(name) else _custom(name.upper())


def _custom(upper: str) -> str:
    if upper.startswith("CUSTOM_"):
        return re.sub(r"[^A-Z0-9_]+", "_", upper)
    return "CUSTOM_" + re.sub(r"[^A-Z0-9]+", "_", upper)
