"""Finds what weakens a host's isolation of devices, though its IOMMU is on.

Sources: allow_unsafe_interrupts is a parameter of the kernel's vfio_iommu_type1 and iommufd modules; pcie_acs_override is
of a patch that some distributions' kernels have (Proxmox VE, Zen, Unraid).
"""

from __future__ import annotations

from pathlib import Path

from busway.domain.host_facts import ACS_OVERRIDE, UNSAFE_INTERRUPTS
from busway.hardware.tree import read_text

UNSAFE_PARAMETERS = tuple(
    f"sys/module/{module}/parameters/allow_unsafe_interrupts" for module in ("vfio_iommu_type1", "iommufd")
)
_ACS = "pcie_acs_override"


def read_unsafe(root: Path) -> tuple[str, ...]:
    """The words of `busway.domain.host_facts.ISOLATION` that hold on the host under a root folder."""
    words = read_text(f"{root}/proc/cmdline").split()
    found = {
        UNSAFE_INTERRUPTS: any(read_text(f"{root}/{path}") == "Y" for path in UNSAFE_PARAMETERS),
        ACS_OVERRIDE: any(word.partition("=")[0] == _ACS for word in words),
    }
    return tuple(name for name, holds in found.items() if holds)
