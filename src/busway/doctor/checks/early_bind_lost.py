"""The driver that is to have the card at boot is the one that got it."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import ConfigFile, Initramfs
from busway.doctor.check import Check
from busway.doctor.early import early_binding_of
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card

_FILE = "/etc/modprobe.d/busway-vfio.conf"


def _find(host: Host, card: Card) -> Iterator[Finding]:
    lines = early_binding_of(host, card)
    driver = card.main.driver
    if not lines or driver in (None, "vfio-pci", "pci-stub"):
        return
    line = f"softdep {driver} pre: vfio-pci"
    tool = host.distribution.initramfs.command
    yield CHECK.found(
        f"vfio-pci should take {card.name} at boot, but {driver} was faster",
        cause=f"Both drivers support the card, and nothing makes the kernel load vfio-pci before {driver}.",
        remedy=f"Write `{line}` into {_FILE}" + (f", run `{' '.join(tool)}`" if tool else "") + ", and reboot.",
        evidence=(*lines, Evidence(sysfs(card.main.address, "driver"), str(driver))),
        card=card,
        changes=(ConfigFile(_FILE, (line,)), Initramfs()),
    )


CHECK = Check("early-bind-lost", Stage.ISOLATION, Severity.WARNS, "vfio-pci gets its cards at boot", card=_find)
