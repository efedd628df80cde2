"""A Linux PCI/VFIO library: reads /sys and performs the few kernel verbs; knows nothing of servers.

`Machine.read(root)` is the one reader (functions, cards, groups, topology; `inventory` is what travels to the control
plane). `busway.hardware.verbs` is what may be done to devices, `busway.hardware.handover` what is done to one that goes
to a guest and comes back. Reading needs no root and raises for nothing that a tree holds.
"""

from busway.hardware.bar import Bar, Bars
from busway.hardware.binding import Binding, read_binding
from busway.hardware.card import Card
from busway.hardware.framebuffer import Framebuffer
from busway.hardware.function import Function
from busway.hardware.function_read import read_function
from busway.hardware.holders import Holder, OpenFiles
from busway.hardware.iommu import IommuGroup, ReservedRegion
from busway.hardware.kernel import SysfsKernel
from busway.hardware.link import Link
from busway.hardware.machine import Machine
from busway.hardware.mediated import MdevParent, MdevType, VendorVgpu, VgpuType
from busway.hardware.power import Power
from busway.hardware.sriov import Sriov
from busway.hardware.topology import Distance, Topology

__all__ = [
    "Bar",
    "Bars",
    "Binding",
    "Card",
    "Distance",
    "Framebuffer",
    "Function",
    "Holder",
    "IommuGroup",
    "Link",
    "Machine",
    "MdevParent",
    "MdevType",
    "OpenFiles",
    "Power",
    "ReservedRegion",
    "Sriov",
    "SysfsKernel",
    "Topology",
    "VendorVgpu",
    "VgpuType",
    "read_binding",
    "read_function",
]
