"""Fabric Manager has the driver's exact version."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.answers import words
from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    driver, manager = host.versions.nvidia, host.versions.fabric_manager
    if not driver or not manager or driver == manager:
        return
    yield CHECK.found(
        f"Fabric Manager is {words(manager)} and the driver {words(driver)}",
        cause="The two versions must be identical; otherwise Fabric Manager exits at its start.",
        remedy=f"Install nvidia-fabricmanager {words(driver)}, hold both packages, restart it while no guest runs.",
        evidence=(host.evidence("/proc/driver/nvidia/version"), Evidence("/usr/bin/nv-fabricmanager", words(manager))),
        after=f"installing Fabric Manager {words(driver)}",
    )


CHECK = Check(
    "fabric-version",
    Stage.ISOLATION,
    Severity.BLOCKS,
    "Fabric Manager has the driver's version",
    host=_find,
    place=Place.BOTH,
)
