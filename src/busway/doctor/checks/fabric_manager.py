"""On a machine with NVSwitches, Fabric Manager runs in a mode for guests."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.fabric import SOCKET, mode, switches
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host, sysfs


def _find(host: Host) -> Iterator[Finding]:
    found = switches(host)
    if not found:
        return
    file, number = mode(host)
    if not host.exists(SOCKET):
        yield CHECK.found(
            "This host has NVSwitches, but Fabric Manager does not run",
            cause="Without it the GPUs of a guest don't reach each other: CUDA error 802, system not yet initialized.",
            remedy="Install nvidia-fabricmanager of the driver's exact version, FABRIC_MODE=1, and start it before "
            "guests.",
            severity=Severity.BLOCKS if host.wish.cards > 1 else None,
            after="starting Fabric Manager",
            evidence=(Evidence(SOCKET, "absent"), Evidence(sysfs(found[0].address, "class"), found[0].class_code)),
        )
    elif number == 0:
        yield CHECK.found(
            "Fabric Manager is in the mode for a whole machine",
            cause="FABRIC_MODE=0 gives all GPUs to the host; a guest with some of them has no partition of the fabric.",
            remedy=f"Set FABRIC_MODE=1 in {file} and restart nvidia-fabricmanager while no guest runs.",
            evidence=(Evidence(file, "FABRIC_MODE=0"),),
        )


CHECK = Check("fabric-manager", Stage.ISOLATION, Severity.WARNS, "Fabric Manager serves guests", host=_find)
