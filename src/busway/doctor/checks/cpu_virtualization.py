"""The CPU can run guests: VT-x or SVM is on, and KVM is there."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import ConfigFile
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    flags = host.cpu_field("flags").split()
    if not flags:
        return
    if not {"vmx", "svm"} & set(flags):
        name = "VT-x (Intel Virtualization Technology)" if host.is_intel else "SVM Mode (AMD-V)"
        yield CHECK.found(
            "The CPU's virtualization is off",
            cause="The CPU has no flag vmx or svm: the firmware has switched it off, or this machine is itself a "
            "guest.",
            remedy=f"Switch on {name} in the firmware; in a guest, give it the host's CPU (nested virtualization).",
            evidence=(Evidence("/proc/cpuinfo", "flags: neither vmx nor svm"),),
            after="switching on the CPU's virtualization in the firmware",
        )
    elif host.exists("/dev/null") and not host.exists("/dev/kvm"):
        module = "kvm_intel" if "vmx" in flags else "kvm_amd"
        yield CHECK.found(
            "There is no /dev/kvm",
            cause=f"The CPU supports virtualization, but the module {module} is not loaded.",
            remedy=f"Run `modprobe {module}`; if it refuses, read `dmesg | grep kvm`.",
            evidence=(Evidence("/dev/kvm", "absent"),),
            after=f"loading {module}",
            changes=(ConfigFile("/etc/modules-load.d/busway-kvm.conf", (module,)),),
        )


CHECK = Check("cpu-virtualization", Stage.IOMMU, Severity.BLOCKS, "The CPU can run guests", host=_find)
