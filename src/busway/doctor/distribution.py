"""Which Linux distribution a host runs, and how it builds its initramfs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from busway.doctor.look import exists
from busway.hardware.tree import read_text

_LINE = re.compile(r"""([A-Z_]+)=(["']?)(.*)\2\s*""")


class Family(StrEnum):
    """Distributions that keep their boot configuration alike."""

    DEBIAN = "debian"
    FEDORA = "fedora"
    ARCH = "arch"
    SUSE = "suse"
    UNKNOWN = "unknown"


class InitramfsTool(StrEnum):
    """What builds the initramfs."""

    INITRAMFS_TOOLS = "update-initramfs"
    DRACUT = "dracut"
    MKINITCPIO = "mkinitcpio"
    UNKNOWN = "unknown"

    @property
    def command(self) -> tuple[str, ...]:
        """Rebuilds it for every kernel."""
        return {
            InitramfsTool.INITRAMFS_TOOLS: ("update-initramfs", "-u", "-k", "all"),
            InitramfsTool.DRACUT: ("dracut", "-f", "--regenerate-all"),
            InitramfsTool.MKINITCPIO: ("mkinitcpio", "-P"),
        }.get(self, ())


_FAMILIES = {
    "debian": Family.DEBIAN, "ubuntu": Family.DEBIAN, "proxmox": Family.DEBIAN,
    "fedora": Family.FEDORA, "rhel": Family.FEDORA, "centos": Family.FEDORA,
    "arch": Family.ARCH, "suse": Family.SUSE, "opensuse": Family.SUSE, "sles": Family.SUSE,
}  # fmt: skip

_TOOLS = {
    Family.DEBIAN: InitramfsTool.INITRAMFS_TOOLS,
    Family.FEDORA: InitramfsTool.DRACUT,
    Family.SUSE: InitramfsTool.DRACUT,
    Family.ARCH: InitramfsTool.MKINITCPIO,
}


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution: `name` is what it calls itself, "" when it does not say."""

    family: Family = Family.UNKNOWN
    name: str = ""
    initramfs: InitramfsTool = InitramfsTool.UNKNOWN


def os_release(root: Path) -> dict[str, str]:
    """The fields of /etc/os-release."""
    text = read_text(root / "etc/os-release") or read_text(root / "usr/lib/os-release")
    matches = [_LINE.fullmatch(line) for line in text.splitlines()]
    return {match[1]: match[3] for match in matches if match}


def read_distribution(root: Path) -> Distribution:
    """Reads /etc/os-release, and sees which initramfs tool is configured."""
    fields = os_release(root)
    words = [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]
    known = [_FAMILIES[word.partition("-")[0]] for word in words if word.partition("-")[0] in _FAMILIES]
    family = known[0] if known else Family.UNKNOWN
    return Distribution(family, fields.get("PRETTY_NAME", ""), _tool(root, family))


def _tool(root: Path, family: Family) -> InitramfsTool:
    signs = {
        "etc/initramfs-tools": InitramfsTool.INITRAMFS_TOOLS,
        "etc/mkinitcpio.conf": InitramfsTool.MKINITCPIO,
        "etc/dracut.conf.d": InitramfsTool.DRACUT,
        "etc/dracut.conf": InitramfsTool.DRACUT,
    }
    found = [tool for path, tool in signs.items() if exists(root / path)]
    usual = _TOOLS.get(family, InitramfsTool.UNKNOWN)
    return usual if usual in found or not found else found[0]
