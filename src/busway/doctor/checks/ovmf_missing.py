"""UEFI firmware for guests is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host

_FOLDERS = (
    "/usr/share/OVMF",
    "/usr/share/edk2",
    "/usr/share/edk2-ovmf",
    "/usr/share/qemu",
    "/usr/share/AAVMF",
    "/usr/share/ovmf",
    "/usr/share/pve-edk2-firmware",
)
_NAME = re.compile(r"(?i)(ovmf|aavmf|edk2.*code|qemu_efi|^x64$|^aarch64$|ovmf.*)")


def _find(host: Host) -> Iterator[Finding]:
    if not host.answer("qemu") or any(_NAME.match(name) for folder in _FOLDERS for name in host.names(folder)):
        return
    yield CHECK.found(
        "There is no UEFI firmware for guests",
        cause="QEMU is installed, but OVMF is not: GPUs with large BARs, and most current images, need UEFI.",
        remedy="Install ovmf (Debian, Ubuntu), edk2-ovmf (Fedora, RHEL, Arch), qemu-ovmf-x86_64 (SUSE); for Arm "
        "qemu-efi-aarch64.",
        evidence=(Evidence("/usr/share/OVMF", "absent"),),
    )


CHECK = Check("ovmf-missing", Stage.GUEST, Severity.INFORMS, "Guests have UEFI firmware", host=_find)
