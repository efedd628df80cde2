"""libvirt is new enough to set a guest's address bits."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.answers import words
from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_WANTED = (8, 7)  # <maxphysaddr>


def _find(host: Host) -> Iterator[Finding]:
    version = host.versions.libvirt
    if not version or version >= _WANTED or not host.machine.gpu_cards:
        return
    yield CHECK.found(
        f"libvirt {words(version)} is older than 8.7",
        cause="It can't set a guest's address bits (<maxphysaddr>): a guest with large cards and much memory can't "
        "use the cards.",
        remedy="Install libvirt 8.7 or later, from your distribution's newer release.",
        evidence=(Evidence("/usr/sbin/libvirtd", f"version {words(version)}"),),
    )


CHECK = Check("libvirt-version", Stage.GUEST, Severity.INFORMS, "libvirt can set address bits", host=_find)
