"""Intel GVT-g works where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.change import ConfigFile
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card

_FILE = "/etc/modules-load.d/busway-kvmgt.conf"


def _find(host: Host, card: Card) -> Iterator[Finding]:
    lines = [line for line in host.modprobe_lines() if "i915" in line.text and "enable_gvt=1" in line.text]
    asked = [*lines, *(Evidence("/proc/cmdline", word) for word in host.arguments if word == "i915.enable_gvt=1")]
    if card.main.vendor_id != "8086" or not asked or card.main.mdev_types:
        return
    yield CHECK.found(
        f"GVT-g was requested, but {card.name} offers no mediated devices",
        cause="kvmgt is not loaded"
        if not host.is_loaded("kvmgt")
        else "The GPU does not support GVT-g: only those of 5th to 7th generation Core do.",
        remedy=f"Write kvmgt into {_FILE} and run `modprobe kvmgt`. Newer GPUs have SR-IOV instead.",
        evidence=(*asked, Evidence(sysfs(card.main.address, "mdev_supported_types"), "absent")),
        card=card,
        changes=() if host.is_loaded("kvmgt") else (ConfigFile(_FILE, ("kvmgt",)),),
    )


CHECK = Check("gvt-g", Stage.ISOLATION, Severity.WARNS, "GVT-g works if requested", card=_find)
