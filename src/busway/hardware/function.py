"""One PCI function, typed: what it is, read by the scan, and everything else the kernel says, read when asked for.

`busway.domain.PciDevice` is the small form that travels to the control plane; `Function.device` makes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import ClassCode, DeviceKind, PciDevice
from busway.hardware.bar import Bar, Bars, read_bars
from busway.hardware.binding import read_override
from busway.hardware.link import Link, read_link
from busway.hardware.mediated import MdevType, VendorVgpu, read_mdev_types, read_vendor_vgpu
from busway.hardware.names import NameList, Names
from busway.hardware.nodes import read_nodes
from busway.hardware.power import Power, read_power
from busway.hardware.sriov import Sriov, read_sriov
from busway.hardware.tree import find_flag, find_text, list_names, parse_list

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
_LONGEST_NAME = 15  # of an interface


@dataclass(frozen=True, slots=True)
class Function(ClassCode):
    """One PCI function of the machine under `root`.

    The fields are as the scan saw them; each property below them reads the tree again. Ids are lower-case hex digits,
    "" when the kernel does not say; None is none or unknown. `bridges` leads from the root port down to the bridge
    right above, `host_bridge` is the root of it ("pci0000:40"); both are empty where the tree does not show them.
    """

    root: Path = field(repr=False)
    address: PciAddress
    vendor_id: str = ""
    product_id: str = ""
    class_code: str = ""
    subsystem_vendor_id: str = ""
    subsystem_id: str = ""
    revision: str = ""
    driver: str | None = None
    iommu_group: int | None = None
    numa_node: int | None = None
    kind: DeviceKind = DeviceKind.PCI
    parent: PciAddress | None = None
    bridges: tuple[PciAddress, ...] = ()
    host_bridge: str = ""
    name_list: NameList | None = field(default=None, repr=False, compare=False)

    @property
    def folder(self) -> str:
        """Where the kernel shows it."""
        return f"{self.root}/sys/bus/pci/devices/{self.address}"

    @property
    def is_vf(self) -> bool:
        """True for a virtual function; `parent` is its physical one."""
        return self.kind is DeviceKind.VF

    @property
    def device(self) -> PciDevice:
        """The small form, with names."""
        names = self.names
        return replace(self.unnamed, vendor_name=names.vendor, product_name=names.product, class_name=names.kind)

    @property
    def unnamed(self) -> PciDevice:
        """The small form without names."""
        return PciDevice(
            address=self.address,
            vendor_id=self.vendor_id,
            product_id=self.product_id,
            class_code=self.class_code,
            kind=self.kind,
            subsystem_vendor_id=self.subsystem_vendor_id,
            subsystem_id=self.subsystem_id,
            revision=self.revision,
            driver=self.driver,
            iommu_group=self.iommu_group,
            numa_node=self.numa_node,
            parent=self.parent,
            switch=self.switch,
            bridges=self.bridges,
            netdev=self.netdev,
            mac=self.mac,
            uplink=self.uplink,
        )

    @property
    def netdev(self) -> str:
        """Its network interface, the first by name of several; "" for what has none."""
        return self.netdev_folder.rpartition("/")[2]

    @property
    def netdev_folder(self) -> str:
        """Where the kernel shows its interface: right below it, or below the virtio device that it is; "" for none."""
        return _netdev_folder(self.folder) if self.is_nic else ""

    @property
    def mac(self) -> str:
        """The MAC address of its interface; "" where there is none, and for what is longer, as InfiniBand's."""
        folder = self.netdev_folder
        text = (find_text(f"{folder}/address") or "").lower() if folder else ""
        return text if _MAC.fullmatch(text) else ""

    @property
    def uplink(self) -> str:
        """Of a VF of a network card, the interface of its PF."""
        if not self.is_nic or self.parent is None:
            return ""
        return _netdev_folder(f"{self.root}/sys/bus/pci/devices/{self.parent}").rpartition("/")[2]

    @property
    def switch(self) -> PciAddress | None:
        """The upstream port of the switch that it is right below: a root port and the two ports of a switch lead to it."""
        return self.bridges[-2] if len(self.bridges) > 2 else None

    @property
    def names(self) -> Names:
        """Names of vendor, product, class and subsystem."""
        if self.name_list is None:
            return Names()
        ids = self.vendor_id, self.product_id, self.class_code, self.subsystem_vendor_id, self.subsystem_id
        return self.name_list.names(*ids)

    @property
    def description(self) -> str:
        """What it is in words and ids: "3D controller: NVIDIA Corporation GA100 [A100 PCIe 80GB] [10de:20b5]"."""
        return self.device.description

    @property
    def driver_override(self) -> str:
        """The only driver that may take it, "" for any."""
        return read_override(self.folder)

    @property
    def is_on_vfio(self) -> bool:
        """True if a guest could have it in its current state: bound to vfio-pci, or to a VFIO driver of its vendor.

        Since Linux 6.1 a device that a VFIO driver has carries a folder `vfio-dev`.
        """
        return self.driver == "vfio-pci" or bool(list_names(f"{self.folder}/vfio-dev"))

    @property
    def keeps_viable(self) -> bool:
        """True when a guest can have another member of its IOMMU group: what VFIO counts as viable.

        Those are bridges, and what has no driver, a VFIO driver, or pci-stub (whose driver does nothing).
        """
        return self.is_bridge or self.driver in (None, "pci-stub") or self.is_on_vfio

    @property
    def bars(self) -> Bars | None:
        """Its windows of memory and ports, None when the kernel does not say."""
        return read_bars(self.folder, is_bridge=self.is_bridge)

    @property
    def rom(self) -> Bar | None:
        """The window of its expansion ROM; a ROM that the firmware copied has none."""
        bars = self.bars
        return bars.rom if bars else None

    @property
    def link(self) -> Link:
        """The PCIe link above it."""
        return read_link(self.folder)

    @property
    def power(self) -> Power:
        """Its power settings."""
        return read_power(self.folder)

    @property
    def reset_methods(self) -> tuple[str, ...] | None:
        """How the kernel can reset it, in its order of preference; () for not at all, None when it does not say.

        Kernels before 5.15 have no `reset_method`, only the file `reset` for a function that has some method.
        """
        text = find_text(f"{self.folder}/reset_method")
        return None if text is None else tuple(text.split())

    @property
    def can_reset(self) -> bool:
        """True when the kernel offers some reset."""
        methods = self.reset_methods
        return bool(methods) if methods is not None else "reset" in list_names(self.folder)

    @property
    def boot_vga(self) -> bool | None:
        """True for the display that the firmware used; None for what is no VGA controller."""
        return find_flag(f"{self.folder}/boot_vga")

    @property
    def local_cpus(self) -> frozenset[int] | None:
        """The CPUs that are near, None when unknown."""
        text = find_text(f"{self.folder}/local_cpulist")
        return parse_list(text) if text is not None else None

    @property
    def sriov(self) -> Sriov | None:
        """What it offers as a PF; None when it has no SR-IOV."""
        return read_sriov(self.folder)

    @property
    def mdev_types(self) -> tuple[MdevType, ...]:
        """The mediated devices it can be cut into."""
        return read_mdev_types(self.folder)

    @property
    def vendor_vgpu(self) -> VendorVgpu | None:
        """What its vendor's own vGPU files say; None when it has none."""
        return read_vendor_vgpu(self.folder)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The device files through which programs use it, such as /dev/dri/card0."""
        return read_nodes(self.root, self.folder, str(self.address), self.iommu_group)

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Its network interfaces and InfiniBand devices."""
        return tuple(list_names(f"{self.folder}/net") + list_names(f"{self.folder}/infiniband"))


def _netdev_folder(folder: str) -> str:
    """The folder of a function's interface; a card of two ports in one function has two."""
    for place in (folder, *(f"{folder}/{name}" for name in sorted(list_names(folder)) if name.startswith("virtio"))):
        names = sorted(name for name in list_names(f"{place}/net") if len(name) <= _LONGEST_NAME)
        if names:
            return f"{place}/net/{names[0]}"
    return ""
