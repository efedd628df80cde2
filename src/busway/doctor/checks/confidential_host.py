"""The host can run confidential guests where it was asked to."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_ASKED = {
    "kvm_intel.tdx=1": "/sys/module/kvm_intel/parameters/tdx", "kvm_amd.sev_snp=1": "/sys/module/kvm_amd/parameters/sev_snp",
    "kvm_amd.sev=1": "/sys/module/kvm_amd/parameters/sev", "mem_encrypt=on": "/sys/module/kvm_amd/parameters/sev",
}  # fmt: skip


def _find(host: Host) -> Iterator[Finding]:
    asked = [(word, file) for word, file in _ASKED.items() if word in host.arguments and host.text(file) != "Y"]
    if not asked:
        return
    word, file = asked[0]
    kind = "TDX" if "tdx" in word else "SEV"
    yield CHECK.found(
        f"{word} was requested, but this kernel has no {kind} for guests",
        cause="The firmware has it switched off, the kernel is too old, or the CPU does not support it.",
        remedy="Firmware: TME-MT, TDX and SEAM. Kernel: 6.16 or later."
        if kind == "TDX"
        else "Firmware: SMEE, SNP, and a minimum of SEV-ES ASIDs. Kernel: 6.11 or later for SNP.",
        evidence=(Evidence("/proc/cmdline", word), host.evidence(file)),
    )


CHECK = Check("confidential-host", Stage.GUEST, Severity.WARNS, "Confidential guests work if requested", host=_find)
