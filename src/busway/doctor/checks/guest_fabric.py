"""Inside a guest: the GPU is part of its NVLink fabric, which the host's Fabric Manager decides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check, Place
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    states = re.findall(r"(?m)^\s*State\s*:\s*(.+?)\s*$", host.answer("nvidia-fabric"))
    waiting = [one for one in states if one not in ("Completed", "N/A", "Not Supported")]
    if not waiting:
        return
    yield CHECK.found(
        f"{len(waiting)} of {len(states)} GPUs wait for the NVLink fabric",
        cause="CUDA answers 802, system not yet initialized, until the fabric is there.",
        remedy="Wait a minute after the start. Then ask the host's operator: Fabric Manager must run in the driver's version and "
        "have a partition active for this guest.",
        evidence=(Evidence("/usr/bin/nvidia-smi", f"Fabric State: {waiting[0]}"),),
        after="the host giving it a partition of the fabric",
    )


CHECK = Check(
    "guest-fabric", Stage.GUEST, Severity.BLOCKS, "The GPUs are part of the fabric", host=_find, place=Place.GUEST
)
