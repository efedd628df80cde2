"""The kernel has switched the IOMMU on: there are groups."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import KernelArgument
from busway.doctor.check import Check
from busway.doctor.checks.iommu_firmware import TABLES
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.platform import Architecture

_OFF = ("iommu=off", "intel_iommu=off", "amd_iommu=off")
_TABLES = "/sys/firmware/acpi/tables"


def _find(host: Host) -> Iterator[Finding]:
    tables = host.names(_TABLES)
    if host.has_iommu or (tables and not set(TABLES) & set(tables)):
        return
    shown = "empty" if host.exists("/sys/kernel/iommu_groups") else "absent"
    evidence = (Evidence("/sys/kernel/iommu_groups", shown), host.evidence("/proc/cmdline"))
    off = [word for word in host.arguments if word in _OFF]
    if off:
        yield _switched_off(host, off, evidence)
    elif not host.is_x86:
        yield _of_other_cpus(host, evidence)
    elif "DMAR" in tables or (host.is_intel and not tables):
        yield _not_switched_on(host, evidence)
    elif not tables and not host.is_amd:
        yield CHECK.found(
            "The kernel has no IOMMU groups",
            cause="The IOMMU is off in the firmware, or the kernel leaves it off; this host shows neither its "
            "firmware's "
            "tables nor its CPU.",
            remedy="Switch on VT-d, AMD-Vi or the SMMU in the firmware. On Intel also: "
            + host.boot.words(add="intel_iommu=on"),
            evidence=evidence,
            after="switching on the IOMMU in the firmware, and on Intel adding intel_iommu=on",
        )
    else:
        yield CHECK.found(
            "The kernel has no IOMMU groups",
            cause="An AMD or Arm IOMMU is on by default, so the kernel could not use this one; `dmesg` has its reason.",
            remedy="Set the IOMMU to Enabled, not Auto, in the firmware, and read `dmesg | grep -e AMD-Vi -e iommu`. "
            "amd_iommu=on does nothing.",
            evidence=evidence,
            after="switching the IOMMU fully on in the firmware",
        )


def _of_other_cpus(host: Host, evidence: tuple[Evidence, ...]) -> Finding:
    """POWER and Arm have no switch on the kernel command line that is needed."""
    if host.platform.architecture is Architecture.POWER:
        return CHECK.found(
            "The kernel has no IOMMU groups",
            cause="On POWER each PCI host bridge is a unit of isolation (a partitionable endpoint), which the kernel "
            "shows as "
            "a group on bare metal (PowerNV) with vfio_iommu_spapr_tce.",
            remedy="Boot a kernel with CONFIG_VFIO_IOMMU_SPAPR_TCE, and run `modprobe vfio_iommu_spapr_tce "
            "vfio-pci`. In a "
            "partition (LPAR) devices can't be passed on: use bare metal (OPAL).",
            evidence=evidence,
            after="loading vfio_iommu_spapr_tce on bare metal",
        )
    return CHECK.found(
        "The kernel has no IOMMU groups",
        cause="The SMMU is off in the firmware, its table (IORT) or device tree does not describe it, or the kernel "
        "has no driver.",
        remedy="Switch the SMMU on in the firmware, and read `dmesg | grep -i smmu`; the kernel needs "
        "CONFIG_ARM_SMMU_V3.",
        evidence=evidence,
        after="switching on the SMMU in the firmware",
    )


def _switched_off(host: Host, words: list[str], evidence: tuple[Evidence, ...]) -> Finding:
    add = "intel_iommu=on" if "intel_iommu=off" in words else ""
    return CHECK.found(
        f"The kernel command line has {' '.join(words)}",
        cause="With these options the kernel leaves the IOMMU off, so no device can be isolated.",
        remedy=host.boot.words(add=add, remove=" ".join(words)),
        evidence=evidence,
        after=f"removing {' '.join(words)} from the kernel command line and a reboot",
        changes=(*(KernelArgument(remove=word) for word in words), *((KernelArgument(add),) if add else ())),
    )


def _not_switched_on(host: Host, evidence: tuple[Evidence, ...]) -> Finding:
    is_set = "intel_iommu=on" in host.arguments
    if is_set:
        return CHECK.found(
            "The kernel command line has intel_iommu=on, but there are no IOMMU groups",
            cause="The firmware describes the IOMMU, but the kernel refused it; `dmesg` has its reason.",
            remedy="Read `dmesg | grep -e DMAR -e IOMMU`; update the firmware, and check that VT-d is enabled in it.",
            evidence=evidence,
            after="switching on VT-d in the firmware",
        )
    return CHECK.found(
        "The IOMMU is off: the kernel command line has no intel_iommu=on",
        cause="The kernels of many distributions leave an Intel IOMMU off unless this option is set.",
        remedy=host.boot.words(add="intel_iommu=on"),
        evidence=evidence,
        after="adding intel_iommu=on to the kernel command line and a reboot",
        changes=(KernelArgument("intel_iommu=on"),),
    )


CHECK = Check("iommu-off", Stage.IOMMU, Severity.BLOCKS, "The kernel has the IOMMU on", host=_find)
