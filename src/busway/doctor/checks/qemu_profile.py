"""Each guest's QEMU has a profile of AppArmor or a label of SELinux, where the host has one of them."""

from __future__ import annotations

from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.libvirt import QEMU_CONF, find_setting, value_of

_APPARMOR, _TEMPLATE = "/sys/module/apparmor/parameters/enabled", "/etc/apparmor.d/libvirt/TEMPLATE.qemu"
_SELINUX = "/sys/fs/selinux/enforce"


def _find(host: Host) -> Iterator[Finding]:
    apparmor, selinux = host.text(_APPARMOR) == "Y", host.text(_SELINUX)
    if not host.exists(QEMU_CONF) or not (apparmor or selinux):
        return
    driver = find_setting(host, "security_driver")
    confined = find_setting(host, "security_default_confined")
    off = driver if value_of(driver) == "none" else confined if value_of(confined) == "0" else None
    if off is not None:
        yield _found(
            "libvirt is configured to confine no guest", f"Take the line out of {QEMU_CONF} and restart libvirt.", off
        )
    elif apparmor and not host.exists(_TEMPLATE):
        yield _found(
            "AppArmor is on and libvirt's profiles are not there",
            "Install them: libvirt-daemon-system on Debian and Ubuntu, libvirt-daemon on SUSE; then restart libvirt.",
            Evidence(_TEMPLATE, "absent"),
        )
    elif selinux == "0":
        yield _found(
            "SELinux is permissive: it writes down what a guest does, and lets it",
            "`setenforce 1`, and SELINUX=enforcing in /etc/selinux/config.",
            Evidence(_SELINUX, "0"),
        )


def _found(brief: str, remedy: str, line: Evidence) -> Finding:
    return CHECK.found(
        brief,
        cause="Without it, a guest that takes over its QEMU process can reach everything that QEMU's user can reach, "
        "including the files of other guests.",
        remedy=remedy,
        evidence=(line,),
    )


CHECK = Check("qemu-profile", Stage.ISOLATION, Severity.WARNS, "AppArmor or SELinux confines QEMU", host=_find)
