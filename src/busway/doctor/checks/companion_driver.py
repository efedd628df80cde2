"""No function of a card is left with a host driver while another is with vfio-pci."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card
from busway.hardware.kernel import VFIO


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    left = [one for one in card.functions if not one.keeps_viable]
    if not left or all(one.driver != VFIO for one in card.functions):
        return
    who = ", ".join(f"{one.address} ({one.driver})" for one in left)
    act = "; ".join(f"echo vfio-pci > {sysfs(one.address, 'driver_override')}" for one in left)
    yield CHECK.found(
        f"Part of {card.name} is still with host drivers: {who}",
        cause="Functions of one card share an IOMMU group: QEMU calls it not viable until all of them are bound.",
        remedy=f"{act}; then unbind each from its driver and write its address to /sys/bus/pci/drivers_probe.",
        evidence=tuple(Evidence(sysfs(one.address, "driver"), str(one.driver)) for one in left),
        card=card,
        after=f"binding {who} to vfio-pci too",
    )


CHECK = Check(
    "companion-driver", Stage.ISOLATION, Severity.BLOCKS, "The functions of a card are bound together", card=_find
)
