"""A Linux PCI/VFIO library: scans /sys and performs the few kernel verbs; knows nothing of servers.

`Machine.read(root)` is the rich view (functions, cards, groups, topology); `scan(root)` gives the small values that
travel to the control plane. Reading needs no root and raises for nothing that a tree holds.
"""

from busway.hardware.bar import Bar, Bars
from busway.hardware.card import Card
from busway.hardware.framebuffer import Framebuffer
from busway.hardware.function import Function
from busway.hardware.function_read import read_function
from busway.hardware.holders import Holder, OpenFiles
from busway.hardware.iommu import IommuGroup, ReservedRegion
from busway.hardware.kernel import KernelVerbs, SysfsKernel
from busway.hardware.link import Link
from busway.hardware.machine import Machine
from busway.hardware.mediated import MdevParent, MdevType, VendorVgpu, VgpuType
from busway.hardware.power import Power
from busway.hardware.prepared import give_back_prepared, take_prepared
from busway.hardware.scan import groups, read_device, scan
from busway.hardware.sriov import Sriov
from busway.hardware.topology import Distance, Topology
from busway.hardware.vfio import Released, bind, check_bindable, release

__all__ = [
    "Bar",
    "Bars",
    "Card",
    "Distance",
    "Framebuffer",
    "Function",
    "Holder",
    "IommuGroup",
    "KernelVerbs",
    "Link",
    "Machine",
    "MdevParent",
    "MdevType",
    "OpenFiles",
    "Power",
    "Released",
    "ReservedRegion",
    "Sriov",
    "SysfsKernel",
    "Topology",
    "VendorVgpu",
    "VgpuType",
    "bind",
    "check_bindable",
    "give_back_prepared",
    "groups",
    "read_device",
    "read_function",
    "release",
    "scan",
    "take_prepared",
]
