"""The kernel has the driver vfio-pci."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.distribution import Family
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.hardware.verbs.bind import has_driver, names_of_modules


def _find(host: Host) -> Iterator[Finding]:
    if has_driver(host.root, "vfio-pci") is not False:
        return
    yield CHECK.found(
        "This kernel has no vfio-pci",
        cause="The driver is not loaded, and the running kernel has no such module.",
        remedy=_PACKAGES[host.distribution.family],
        evidence=(host.evidence("/proc/sys/kernel/osrelease"), Evidence("/lib/modules", names_of_modules(host.root))),
        after="installing a kernel with vfio-pci and a reboot",
    )


_PACKAGES = {
    Family.DEBIAN: "Install the full kernel: `apt install linux-image-amd64` on Debian, linux-image-generic and "
    "linux-modules-extra on Ubuntu, in place of a -cloud or -kvm one; reboot.",
    Family.FEDORA: "Install the rest of the modules: `dnf install kernel-modules kernel-modules-extra`; reboot.",
    Family.ARCH: "Install the package linux or linux-lts; reboot when the running kernel's modules are gone.",
    Family.SUSE: "Install kernel-default in place of kernel-default-base; reboot.",
    Family.UNKNOWN: "Install a kernel built with CONFIG_VFIO_PCI; reboot.",
}
CHECK = Check("vfio-missing", Stage.IOMMU, Severity.BLOCKS, "The kernel has vfio-pci", host=_find)
