"""The doctor looks at a host, not into a container."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host


def _find(host: Host) -> Iterator[Finding]:
    name = host.platform.container
    if not name:
        return
    yield CHECK.found(
        f"This is a container ({name}), so it shows only a part of its host",
        cause="Devices, processes and files of the host are hidden here, and can't be changed from here.",
        remedy="Run `busway doctor` on the host; or run `busway snapshot` there, and read its file here with --root.",
        evidence=(Evidence("/run/systemd/container", name),),
    )


CHECK = Check("host-is-container", Stage.IOMMU, Severity.WARNS, "This is a host", host=_find)
