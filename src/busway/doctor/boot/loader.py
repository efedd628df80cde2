"""Which boot loader a host has, and the exact words and acts that change its kernel command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from busway.doctor.act import Act
from busway.doctor.boot import grub, systemd
from busway.doctor.boot.immutable import immutable_words
from busway.doctor.distribution import Distribution, Family
from busway.doctor.look import exists, is_dir
from busway.doctor.platform import Immutable
from busway.hardware.tree import find_bytes

_LOADER_INFO = "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


class Loader(StrEnum):
    """The boot loaders whose configuration is known here."""

    GRUB = "GRUB"
    SYSTEMD_BOOT = "systemd-boot"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Boot:
    """How a host under `root` boots."""

    root: Path
    distribution: Distribution
    loader: Loader
    immutable: Immutable = Immutable.NO

    def acts(self, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> list[Act]:
        """What changes the command line; nothing when the boot loader is unknown or the system's files are not edited."""
        if self.immutable:
            return []
        if self.loader is Loader.GRUB:
            return grub.acts(self.root, self.distribution, add, remove)
        if self.loader is Loader.SYSTEMD_BOOT:
            return systemd.acts(self.root, self.distribution, add, remove)
        return []

    def words(self, add: str = "", remove: str = "") -> str:
        """Tells a person the exact change for this distribution and boot loader."""
        if self.immutable:
            return immutable_words(self.immutable, add, remove)
        what = " and ".join(filter(None, [f"add {add}" if add else "", f"remove {remove}" if remove else ""]))
        place = self._place(add, remove)
        return f"{what[:1].upper()}{what[1:]}{' ' if place.startswith('in ') else ': '}{place}, and reboot."

    def _place(self, add: str, remove: str) -> str:
        if self.loader is Loader.GRUB:
            return self._grub_place(add, remove)
        if self.loader is Loader.SYSTEMD_BOOT:
            return self._systemd_place()
        return "in the kernel command line, wherever this host's boot loader keeps that"

    def _grub_place(self, add: str, remove: str) -> str:
        name = grub.variable(self.distribution)
        run = f"run `{' '.join(grub.command(self.root, self.distribution))}`"
        if self.distribution.family is Family.FEDORA:
            options = [f'--args="{add}"'] if add else []
            options += [f'--remove-args="{remove}"'] if remove else []
            return f"run `grubby --update-kernel=ALL {' '.join(options)}`"
        if add and not remove and grub.uses_drop_in(self.root, self.distribution):
            return f'put {name}="${name} {add}" into {grub.DROP_IN}, {run}'
        return f"in {name} of {grub.FILE}, {run}"

    def _systemd_place(self) -> str:
        folders = [place for place in systemd.PLACES if is_dir(self.root / place / "loader/entries")]
        if folders and any((self.root / folders[0] / "loader/entries").glob("*.conf")):
            also = " and in /etc/kernel/cmdline" if exists(self.root / "etc/kernel/cmdline") else ""
            return f"in the options line of /{folders[0]}/loader/entries/*.conf{also}"
        return f"in /etc/kernel/cmdline, run `{' '.join(systemd.command(self.root, self.distribution))}`"


def read_boot(root: Path, distribution: Distribution, immutable: Immutable = Immutable.NO) -> Boot:
    """Finds the boot loader: the one that says it booted this system, else the one that is configured."""
    return Boot(root, distribution, _loader(root), immutable)


def _loader(root: Path) -> Loader:
    loader_info = (find_bytes(root / _LOADER_INFO, 512) or b"")[4:].decode("utf-16-le", "replace")
    if loader_info.startswith("systemd-boot"):
        return Loader.SYSTEMD_BOOT
    if loader_info.startswith("GRUB"):
        return Loader.GRUB
    has_grub = any(exists(root / path) for path in ("etc/default/grub", "boot/grub/grub.cfg", "boot/grub2/grub.cfg"))
    has_systemd = any(exists(root / place / "loader/loader.conf") for place in systemd.PLACES)
    if has_systemd and not exists(root / "etc/default/grub"):
        return Loader.SYSTEMD_BOOT
    return Loader.GRUB if has_grub else Loader.UNKNOWN
