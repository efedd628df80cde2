"""There is room for the memory of virtual functions."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    bars = card.main.bars
    unassigned = [bar for bar in (bars.vf if bars else ()) if bar.start is None]
    if not unassigned or card.main.sriov is None:
        return
    yield CHECK.found(
        f"There is no room for the virtual functions of {card.name}",
        cause='Their BARs have no addresses: enabling them ends in "not enough MMIO resources" or out of memory.',
        remedy="Switch on SR-IOV, ARI and Above 4G decoding in the firmware "
        "(Dell: `racadm set BIOS.IntegratedDevices.SriovGlobalEnable Enabled`).",
        evidence=(Evidence(sysfs(card.main.address, "resource"), f"VF BAR {unassigned[0].index} is unassigned"),),
        card=card,
    )


CHECK = Check("vf-bars", Stage.GUEST, Severity.WARNS, "Virtual functions have room for their BARs", card=_find)
