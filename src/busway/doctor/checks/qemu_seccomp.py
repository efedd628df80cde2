"""QEMU runs in its seccomp sandbox, so that one that is taken over can ask the kernel for little."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.libvirt import QEMU_CONF, find_setting, value_of


def _find(host: Host) -> Iterator[Finding]:
    line = find_setting(host, "seccomp_sandbox")
    if line is None or value_of(line) != "0":
        return
    yield CHECK.found(
        "QEMU runs without its seccomp sandbox",
        cause="A guest that takes over its QEMU process can then use every system call of the kernel, and start "
        "programs.",
        remedy=f"Remove the line from {QEMU_CONF} (libvirt's default is the sandbox) and restart libvirt; running "
        "guests get the sandbox at their next start.",
        evidence=(line,),
    )


CHECK = Check("qemu-seccomp", Stage.ISOLATION, Severity.WARNS, "QEMU runs in its seccomp sandbox", host=_find)
