"""vfio-pci is in the initramfs when it must be first."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import EarlyModules
from busway.doctor.check import Check
from busway.doctor.distribution import InitramfsTool
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.plan import early_file

_FILES = {
    InitramfsTool.INITRAMFS_TOOLS: ("/etc/initramfs-tools/modules", "/etc/initramfs-tools/conf.d"),
    InitramfsTool.DRACUT: ("/etc/dracut.conf", "/etc/dracut.conf.d"),
    InitramfsTool.MKINITCPIO: ("/etc/mkinitcpio.conf", "/etc/mkinitcpio.conf.d"),
}


def _find(host: Host) -> Iterator[Finding]:
    lines = [line for line in host.early_ids() if line.file != "/proc/cmdline"]
    tool = host.distribution.initramfs
    if not lines or tool not in _FILES or any(word.startswith("rd.driver.pre=vfio") for word in host.arguments):
        return
    text = "\n".join(_read(host, path) for path in _FILES[tool])
    if "vfio-pci" in text or "vfio_pci" in text:
        return
    yield CHECK.found(
        "vfio-pci should take cards at boot, but is not in the initramfs",
        cause="The host's driver is in the initramfs or loads before the root file system's modules; it then takes "
        "the card first.",
        remedy=f"Write vfio-pci into {early_file(tool)}, run `{' '.join(tool.command)}`, and reboot.",
        evidence=(*lines, Evidence(_FILES[tool][0], "does not name vfio-pci")),
        changes=(EarlyModules(("vfio-pci",)),),
    )


def _read(host: Host, path: str) -> str:
    inside = [host.text(f"{path}/{name}") or "" for name in host.names(path)]
    return "\n".join([host.text(path) or "", *inside])


CHECK = Check("early-bind-initramfs", Stage.ISOLATION, Severity.WARNS, "vfio-pci is in the initramfs", host=_find)
