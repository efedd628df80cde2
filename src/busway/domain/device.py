"""One PCI function as seen on a host, and what its class code says it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from busway.domain.address import PciAddress

# PCI class codes (base class and subclass), from the PCI Code and ID Assignment Specification.
GPU_CLASSES = frozenset({"0300", "0302", "0380", "1200"})
NIC_CLASS = "02"
BRIDGE_CLASSES = frozenset({"0600", "0604"})


class DeviceKind(StrEnum):
    """What a function is to SR-IOV, in Nova's wire strings.

    A function with the SR-IOV capability is a PF even with zero VFs enabled, as Nova and libvirt see it.
    """

    PCI = "type-PCI"
    PF = "type-PF"
    VF = "type-VF"


class ClassCode:
    """What the class code of a function says it is; `class_code` has six hex digits (class, subclass, interface)."""

    __slots__ = ()
    class_code: str

    @property
    def is_nic(self) -> bool:
        """True for network controllers of any kind, InfiniBand too."""
        return self.class_code[:2] == NIC_CLASS

    @property
    def is_gpu(self) -> bool:
        """True for display controllers (0300, 0302, 0380) and processing accelerators (1200)."""
        return self.class_code[:4] in GPU_CLASSES

    @property
    def is_bridge(self) -> bool:
        """True for host and PCI-to-PCI bridges, which are harmless members of an IOMMU group.

        VFIO counts a group as viable when a bridge in it keeps its own driver (pcieport).
        """
        return self.class_code[:4] in BRIDGE_CLASSES


@dataclass(frozen=True, slots=True)
class PciDevice(ClassCode):
    """One PCI function as its host reported it.

    Ids are four lower-case hex digits. `None` means that the
    kernel does not say: no driver bound, no IOMMU, no NUMA locality. `switch` is the PCIe switch above it, `bridges`
    leads from its root port down to the bridge right above it. Names are "" where pci.ids has none. A network card has
    its host's interface as `netdev` with its `mac`, or what they were before a VFIO driver took it; a VF the interface of
    its PF as `uplink`. They are "" where there is none.
    """

    address: PciAddress
    vendor_id: str
    product_id: str
    class_code: str
    kind: DeviceKind = DeviceKind.PCI
    subsystem_vendor_id: str = ""
    subsystem_id: str = ""
    revision: str = ""
    driver: str | None = None
    iommu_group: int | None = None
    numa_node: int | None = None
    parent: PciAddress | None = None
    vendor_name: str = ""
    product_name: str = ""
    class_name: str = ""
    switch: PciAddress | None = None
    bridges: tuple[PciAddress, ...] = ()
    netdev: str = ""
    mac: str = ""
    uplink: str = ""

    @property
    def description(self) -> str:
        """What it is in words and ids: "Display controller: QEMU Virtual Video Controller [1234:1111]"."""
        kind = self.class_name or (f"class {self.class_code[:4]}" if self.class_code else "unknown class")
        if not self.vendor_id:
            return f"{kind}: a device whose ids are not shown"
        name = " ".join(part for part in (self.vendor_name, self.product_name) if part) or "unknown device"
        return f"{kind}: {name} [{self.vendor_id}:{self.product_id}]"
