"""Fits findings to the kind of machine: impossible advice is never printed or planned."""

from __future__ import annotations

from dataclasses import replace

from busway.doctor.change import ConfigFile, EarlyModules, Initramfs, KernelArgument
from busway.doctor.finding import Finding
from busway.doctor.host import Host
from busway.doctor.platform import Chassis, Immutable

# What only the outer hypervisor can do for a guest: remedy, and the same as a phrase. {0} is its name.
_OUTER = {
    "cpu-virtualization": ("Ask {0} for nested virtualization: the host's own CPU for this guest.", "nested virtualization from {0}"),
    "iommu-firmware": ("Ask {0} to give this guest a virtual IOMMU; a guest has no firmware switch for it.", "a virtual IOMMU from {0}"),
    "interrupt-remapping": ("Ask {0} for a virtual IOMMU with interrupt remapping (QEMU: intremap=on, with kernel_irqchip=split).", "interrupt remapping from {0}"),
    "no-group": ("Ask {0} to put the card below its virtual IOMMU.", "a virtual IOMMU above it, from {0}"),
    "reserved-memory": ("Ask {0}: it ties memory to this device.", "another device from {0}"),
    "bar-unassigned": ("Ask {0} for more address bits and a larger window of 64-bit PCI memory for this guest.", "a larger PCI window from {0}"),
    "vf-bars": ("Ask {0} for a larger window of 64-bit PCI memory for this guest.", ""),
    "numa-unknown": ("Ask {0} to put the card on a PCI expander of its node (pxb-pcie).", ""),
    "boot-framebuffer": (
        "Ask {0} to give this guest another display as its first one.",
        "another first display from {0}",
    ),
    "boot-display": ("Ask {0} for UEFI firmware.", ""),
    "group-shared": ("Ask {0} to give each card a root port of its own, below its virtual IOMMU.", ""),
    "reset-scope": ("Ask {0} to give each card a root port of its own.", ""),
    "aer-errors": ("Tell the operator of {0}: the link of the real card is failing.", ""),
    "link-narrow": ("Nothing in a guest: its link is the hypervisor's own.", ""),
    "resizable-bar": ("Ask {0} to resize the BAR before this guest starts.", ""),
}  # fmt: skip

# What a person does with the hardware depends on where it stands. A word that is missing keeps the check's own remedy.
_BY_CHASSIS = {
    "link-narrow": {
        Chassis.WORKSTATION: "Put the card into the slot that the CPU feeds with 16 lanes (the board's manual names it); a second card or an M.2 drive may halve it.",
        Chassis.SERVER: "See the server's manual for the riser and bifurcation setting of this slot; reseat the riser, then the card.",
        Chassis.BASEBOARD: "GPUs of this board have fixed links: power the machine off and on once; if the link stays narrow, return the board.",
        Chassis.LAPTOP: "Nothing: a laptop's link is as wide as it was built.",
    },
    "aer-errors": {
        Chassis.WORKSTATION: "Take servers off the card, power the machine off, reseat the card and its power cables, leave out a riser cable, and watch whether the count grows.",
        Chassis.SERVER: "Take servers off the card (`busway host disable`), reseat riser and card, and watch whether the count grows; then swap the card with its neighbour to see which of slot and card fails.",
        Chassis.BASEBOARD: "Take servers off this host (`busway host disable`), run the vendor's field diagnostics, and return the board if the count grows: its GPUs can't be reseated.",
        Chassis.LAPTOP: "Nothing can be reseated in a laptop: have it repaired if the count grows.",
    },
    "boot-display": {
        Chassis.SERVER: "In the firmware, make the management controller's display (BMC, \"onboard VGA\") the primary one.",
    },
}  # fmt: skip


def fit(host: Host, finding: Finding) -> Finding:
    """The finding with a remedy that can be followed on this machine."""
    platform = host.platform
    if platform.hypervisor and finding.code in _OUTER:
        remedy, after = _OUTER[finding.code]
        finding = replace(
            finding, remedy=remedy.format(platform.hypervisor), after=after.format(platform.hypervisor), changes=()
        )
    elif words := _BY_CHASSIS.get(finding.code, {}).get(platform.chassis):
        finding = replace(finding, remedy=words)
    if platform.container:
        act = f"On the host of this container, not in it: {finding.remedy}"
        return replace(finding, remedy=act, changes=())
    declared = platform.immutable in (Immutable.NIXOS, Immutable.TALOS)
    if declared and finding.code == "ignore-msrs":
        act = host.boot.words(add="kvm.ignore_msrs=1")
        return replace(finding, remedy=f"Nothing, unless such a guest crashes. Then: {act}")
    if declared and finding.changes:
        return _declared(finding, platform.immutable)
    return finding


def _declared(finding: Finding, system: Immutable) -> Finding:
    """Files of ours become lines of the system's own configuration; values of the kernel's can still be written now."""
    kept = tuple(one for one in finding.changes if not isinstance(one, ConfigFile | EarlyModules | Initramfs))
    files = [one for one in finding.changes if isinstance(one, ConfigFile | EarlyModules)]
    if not files:
        return finding
    lines = [_nixos(one) if system is Immutable.NIXOS else _talos(one) for one in files]
    where = (
        "configuration.nix, then run `nixos-rebuild switch`"
        if system is Immutable.NIXOS
        else "the machine configuration"
    )
    also = finding.remedy if any(isinstance(one, KernelArgument) for one in kept) else ""
    remedy = f"{also} Put {'; '.join(lines)} into {where}.".strip()
    return replace(finding, remedy=remedy, changes=kept)


def _nixos(change: ConfigFile | EarlyModules) -> str:
    if isinstance(change, EarlyModules):
        return f"boot.initrd.kernelModules = [ {' '.join(map(_quoted, change.modules))} ]"
    text = "\\n".join(line.replace('"', '\\"') for line in change.lines)
    if "modules-load.d" in change.path:
        return f"boot.kernelModules = [ {' '.join(map(_quoted, change.lines))} ]"
    option = "services.udev.extraRules" if "udev" in change.path else "boot.extraModprobeConfig"
    return f'{option} = "{text}"'


def _talos(change: ConfigFile | EarlyModules) -> str:
    if isinstance(change, EarlyModules):
        return f"machine.kernel.modules: {', '.join(f'name: {name}' for name in change.modules)}"
    if "modules-load.d" in change.path:
        return f"machine.kernel.modules: {', '.join(f'name: {name}' for name in change.lines)}"
    if "udev" in change.path:
        return f"machine.udev.rules: {'; '.join(change.lines)}"
    return f"machine.kernel.modules (name and parameters): {'; '.join(change.lines)}"


def _quoted(text: str) -> str:
    return f'"{text}"'
