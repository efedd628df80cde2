"""QEMU is a user of its own and not root."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.libvirt import QEMU_CONF, find_setting, value_of

_ROOT = ("root", "+0", "0")


def _find(host: Host) -> Iterator[Finding]:
    line = find_setting(host, "user")
    if line is None or value_of(line) not in _ROOT:
        return
    yield CHECK.found(
        "QEMU runs as root",
        cause="A guest that takes over its QEMU process is root on the host: it can read other tenants' disks, "
        "memory and devices.",
        remedy=f"Remove user and group from {QEMU_CONF} (the distribution's default is libvirt-qemu or qemu) and restart "
        "libvirt. libvirt gives QEMU's user access to its files and devices, unless dynamic_ownership = 0.",
        evidence=(line,),
    )


CHECK = Check("qemu-user", Stage.ISOLATION, Severity.WARNS, "QEMU has its own user", host=_find)
