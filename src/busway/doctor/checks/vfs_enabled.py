"""A card that is to go to a guest whole has no virtual functions."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs
from busway.hardware import Card


def _find(_host: Host, card: Card) -> Iterator[Finding]:
    sriov = card.main.sriov
    if sriov is None or not sriov.enabled:
        return
    file = sysfs(card.main.address, "sriov_numvfs")
    count = f"{sriov.enabled} virtual function{'s' if sriov.enabled > 1 else ''}"
    yield CHECK.found(
        f"{card.name} has {count} enabled",
        cause="They belong to the physical function: it can't go to a guest while they exist. Each of them can.",
        remedy=f"Nothing, if guests should get the virtual functions. To give a guest the whole card: `echo 0 > "
        f"{file}`.",
        evidence=(Evidence(file, str(sriov.enabled)),),
        card=card,
        aside=f"divided: its {count} go out in its place",
    )


CHECK = Check("vfs-enabled", Stage.ISOLATION, Severity.INFORMS, "A card given as a whole has no VFs", card=_find)
